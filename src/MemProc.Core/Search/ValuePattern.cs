namespace MemProc;

/// <summary>Numbers of one type that fulfill a condition, in the byte order of the machine.</summary>
public sealed class ValuePattern : SearchPattern
{
    private readonly ValueCondition _condition;

    /// <summary>Creates a pattern.</summary>
    /// <param name="condition">Which numbers.</param>
    /// <param name="alignment">Numbers begin at multiples of this; null: at multiples of their size.</param>
    /// <exception cref="ArgumentException">The alignment is not valid.</exception>
    public ValuePattern(ValueCondition condition, int? alignment = null)
        : base(condition.SizeBytes, alignment ?? condition.SizeBytes) => _condition = condition;

    /// <inheritdoc/>
    public override MemoryValueType? Type => _condition.Type;

    /// <inheritdoc/>
    internal override int Find(SearchChunk chunk, in SearchWindow window, ref int next, Span<FoundMatch> found)
    {
        int end = Math.Min(window.To, window.End - MaxMatchLength + 1);
        return _condition.Find(chunk.Buffer, Align(window, next), end, Alignment, ref next, found);
    }

    /// <inheritdoc/>
    internal override object? ValueOf(ReadOnlySpan<byte> bytes) => MemoryValue.Decode(bytes, _condition.Type);
}

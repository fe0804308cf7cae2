namespace MemProc;

/// <summary>Reads single matches again.</summary>
/// <param name="process">The process of the matches.</param>
/// <param name="cancellation">Stops the reads.</param>
public sealed class MatchReader(MemoryTarget process, CancellationToken cancellation = default)
{
    private MemoryReader? _reader;
    private ProcMap? _map;

    /// <inheritdoc cref="MemoryReader.AllowUserfault"/>
    public bool AllowUserfault { get; init; }

    private MemoryReader Reader =>
        _reader ??= new MemoryReader(process, ReadMethod.Auto, cancellation) { AllowUserfault = AllowUserfault };

    /// <summary>Returns a match as it is now, with its previous value; null when it does not stay.</summary>
    /// <param name="address">Address of the first byte.</param>
    /// <param name="before">The previous bytes.</param>
    /// <param name="type">Type of the number; null when the match is not a number.</param>
    /// <param name="value">The previous number or text.</param>
    /// <param name="test">Which matches stay. Without a type only the bytes can be compared.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EFAULT when the bytes can no longer be read, ESRCH when the process has exited.
    /// </exception>
    public MemoryMatch? Read(ulong address, byte[] before, MemoryValueType? type, object? value, ScanTest test)
    {
        byte[] now = Reader.ReadExactly(address, (ulong)before.Length);
        if (!test.Matches(now, before))
        {
            return null;
        }

        if (_map is null || address < _map.Start || address >= _map.End)
        {
            _map = MapReader.Find(process, address, cancellation);
        }

        MemoryMatch previous = new(process.Identity, _map, address, before, type, value);
        object? present = type is MemoryValueType known ? MemoryValue.Decode(now, known)
            : now.AsSpan().SequenceEqual(before) ? value
            : null;
        return new MemoryMatch(process.Identity, _map, address, now, type, present, previous);
    }
}

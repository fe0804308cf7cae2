namespace MemProc;

/// <summary>Size of numbers and distance of the places where they may begin.</summary>
/// <param name="Size">Bytes of a number.</param>
/// <param name="Alignment">Bytes from one slot to the next.</param>
internal readonly record struct ScanLayout(int Size, int Alignment)
{
    /// <summary>Bytes from slot 0 to another.</summary>
    public ulong OffsetOf(int slot) => (ulong)slot * (ulong)Alignment;

    /// <summary>Bytes that so many slots take.</summary>
    public int Length(int slots) => (slots - 1) * Alignment + Size;

    /// <summary>How many slots fit into so many bytes.</summary>
    public int SlotsIn(int bytes) => bytes < Size ? 0 : (bytes - Size) / Alignment + 1;

    /// <summary>The number in a slot.</summary>
    public ReadOnlySpan<byte> Number(ReadOnlySpan<byte> bytes, int slot) => bytes.Slice(slot * Alignment, Size);

    /// <summary>Whether all of some slots have the same number, and what lies between them is the same too.</summary>
    public bool IsUniform(ReadOnlySpan<byte> bytes, int slot, int count)
    {
        ReadOnlySpan<byte> part = bytes.Slice(slot * Alignment, Length(count));
        return count < 2 || part[Alignment..].SequenceEqual(part[..^Alignment]);
    }
}

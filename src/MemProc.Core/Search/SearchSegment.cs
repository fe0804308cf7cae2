namespace MemProc;

/// <summary>A stretch that is read and searched in one go.</summary>
/// <param name="Address">First address that is read.</param>
/// <param name="Length">Bytes that are read.</param>
/// <param name="Start">The first address at which a match may begin.</param>
/// <param name="End">The first address behind those.</param>
/// <param name="Offset">Where in the buffer the bytes go.</param>
internal readonly record struct SearchSegment(ulong Address, int Length, ulong Start, ulong End, int Offset)
{
    /// <summary>Where in the buffer the byte at an address goes.</summary>
    public int OffsetOf(ulong address) => Offset + (int)(address - Address);
}

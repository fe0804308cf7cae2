namespace MemProc;

/// <summary>A stretch of consecutive pages that are in memory.</summary>
/// <param name="Start">First address, page-aligned.</param>
/// <param name="End">First address behind it, page-aligned.</param>
public readonly record struct ResidentRange(ulong Start, ulong End)
{
    /// <summary>Its length in bytes.</summary>
    public ulong SizeBytes => End - Start;
}

namespace MemProc;

/// <summary>What a stretch of pages means for a dump.</summary>
internal enum PageStretchKind
{
    /// <summary>To be read.</summary>
    Read,
    /// <summary>Never touched: it holds zeros, and reading it would make the process larger.</summary>
    Zero,
    /// <summary>Not in memory, and not asked for.</summary>
    NotResident,
    /// <summary>A guard region: nobody can read it.</summary>
    Guard,
    /// <summary>Left out as a whole.</summary>
    LeftOut,
}

/// <summary>Consecutive pages of one kind.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">First address behind it.</param>
/// <param name="Kind">What it means for a dump.</param>
internal readonly record struct PageStretch(ulong Start, ulong End, PageStretchKind Kind)
{
    public ulong Length => End - Start;
}

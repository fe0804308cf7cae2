namespace MemProc;

/// <summary>Where an entry of a page table leads. What a processor does not tell is null.</summary>
internal readonly record struct PageTableBits
{
    /// <summary>It leads on: to a frame, or to a table of the next level.</summary>
    public bool IsPresent { get; init; }

    /// <summary>It is the last one of the walk: behind it stands memory, or what became of it.</summary>
    public bool IsLeaf { get; init; }

    /// <summary>Physical address of the frame or of the next table; 0 where there is none.</summary>
    public ulong PhysicalAddress { get; init; }

    /// <summary>Memory was here: in swap, on its way elsewhere, or guarded.</summary>
    public bool IsSwapEntry { get; init; }

    /// <summary>Which swap area, or another use that the kernel makes of the number.</summary>
    public uint SwapType { get; init; }

    /// <summary>Where in the area.</summary>
    public ulong SwapOffset { get; init; }

    /// <summary>Protection key, of x86.</summary>
    public byte? ProtectionKey { get; init; }
}

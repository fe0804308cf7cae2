namespace MemProc;

/// <summary>What the struct page of a frame, or of the head of its folio, says.</summary>
internal readonly record struct FrameState
{
    /// <summary>The order of memory whose size is not known.</summary>
    public const sbyte UnknownOrder = -1;

    /// <summary>What the frame is used for.</summary>
    public PageFrameKind Kind { get; init; }

    /// <summary>Binary logarithm of the number of frames of the folio or free block.</summary>
    public sbyte Order { get; init; }

    /// <summary>page.flags of the head.</summary>
    public ulong Flags { get; init; }

    /// <summary>Address of what the frame belongs to: address_space, anon_vma, kmem_cache; 0 for nothing.</summary>
    public ulong Owner { get; init; }

    /// <summary>page.index of the head: its page in the file, or of anonymous memory.</summary>
    public ulong Index { get; init; }

    /// <summary>memcg_data of the head.</summary>
    public ulong Cgroup { get; init; }

    /// <summary>References to the head.</summary>
    public int RefCount { get; init; }

    /// <summary>Mappings of the folio as a whole.</summary>
    public int EntireMapCount { get; init; }

    /// <summary>
    /// Nothing refers to the frame and it has no type. It is free and in the list of a processor, in the middle of a free
    /// block whose head was not seen, or in the middle of a larger block that the kernel uses.
    /// </summary>
    public bool IsUnreferenced { get; init; }

    /// <summary>The next entry of the list that the frame may be in.</summary>
    public ulong NextInList { get; init; }

    /// <summary>It is a large folio without an owner: the huge page of zeros may look like this.</summary>
    public bool MayBeZero { get; init; }

    /// <summary>Whether two reads of a frame agree on what it is and whom it belongs to.</summary>
    public bool IsSameUse(in FrameState other) => Kind == other.Kind && Owner == other.Owner && Index == other.Index
        && Order == other.Order && Cgroup == other.Cgroup;
}

/// <summary>Consecutive frames of one folio or free block, or one frame.</summary>
/// <param name="Pfn">The first frame.</param>
/// <param name="Count">Number of frames.</param>
/// <param name="HeadPfn">The head of the folio or block.</param>
/// <param name="State">What the head says.</param>
internal readonly record struct FrameRun(ulong Pfn, int Count, ulong HeadPfn, FrameState State);

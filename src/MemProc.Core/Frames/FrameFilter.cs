namespace MemProc;

/// <summary>Selects page frames by their flags and by the memory cgroup that is charged for them.</summary>
public sealed class FrameFilter
{
    /// <summary>Selects by flags; null: any.</summary>
    public FlagFilter? Flags { get; init; }

    /// <summary>Inode of the memory cgroup that must be charged; null: any.</summary>
    public ulong? CgroupInode { get; init; }

    /// <summary>The attributes that the filter needs.</summary>
    public FrameFields RequiredFields =>
        (Flags is null ? 0 : FrameFields.Flags) | (CgroupInode is null ? 0 : FrameFields.Cgroup);

    /// <summary>Returns whether a frame is selected.</summary>
    /// <param name="frame">The frame; null: there is none, as for a page in swap.</param>
    public bool Matches(PageFlags? frame) =>
        (Flags is null || Flags.Matches(frame?.ShownFlags ?? 0))
        && (CgroupInode is null || frame?.CgroupInode == CgroupInode);
}

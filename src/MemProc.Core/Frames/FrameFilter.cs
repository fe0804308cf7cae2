namespace MemProc;

/// <summary>Selects page frames by their flags and by the memory cgroup that is charged for them.</summary>
public sealed class FrameFilter
{
    /// <summary>By their flags; null: any.</summary>
    public FlagFilter? Flags { get; init; }

    /// <summary>Charged to the memory cgroup with this inode; null: any.</summary>
    public ulong? CgroupInode { get; init; }

    /// <summary>The frame tables that have to be read to decide.</summary>
    public FrameFields RequiredFields =>
        (Flags is null ? 0 : FrameFields.Flags) | (CgroupInode is null ? 0 : FrameFields.Cgroup);

    /// <summary>Returns whether a frame is selected.</summary>
    /// <param name="frame">The frame; null: there is none, as behind a page in swap.</param>
    public bool Matches(PageFlags? frame) =>
        (Flags is null || Flags.Matches(frame?.ShownFlags ?? 0))
        && (CgroupInode is null || frame?.CgroupInode == CgroupInode);
}

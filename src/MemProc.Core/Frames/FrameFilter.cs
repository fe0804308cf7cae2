using MemProc.Interop;

namespace MemProc;

/// <summary>Selects page frames by their flags and by the memory cgroup that is charged for them.</summary>
public sealed class FrameFilter
{
    /// <summary>Selects by flags; null: any.</summary>
    public FlagFilter? Flags { get; init; }

    /// <summary>Inode of the memory cgroup that must be charged; null: any.</summary>
    public ulong? CgroupInode { get; init; }

    /// <summary>The attributes that the filter needs.</summary>
    public FrameAttributes RequiredFields =>
        (Flags is null ? 0 : FrameAttributes.Flags) | (CgroupInode is null ? 0 : FrameAttributes.Cgroup);

    /// <summary>Creates a filter from flag names and a cgroup. What is null does not restrict the selection.</summary>
    /// <param name="all">All of these flags must be set.</param>
    /// <param name="any">One of these flags must be set.</param>
    /// <param name="none">None of these flags may be set.</param>
    /// <param name="exact">These flags must be set and no others; an empty list selects frames without flags.</param>
    /// <param name="cgroup">Path or inode of the memory cgroup.</param>
    /// <param name="core">The core whose cgroups are meant; null: those of this machine.</param>
    /// <exception cref="ArgumentException">There is no such flag.</exception>
    /// <exception cref="MemProcException">FindCgroup: there is no such cgroup.</exception>
    public static FrameFilter Create(
        IEnumerable<string>? all, IEnumerable<string>? any, IEnumerable<string>? none, IEnumerable<string>? exact,
        string? cgroup, MemoryTarget? core = null) => new()
    {
        Flags = FlagFilter.Create(all, any, none, exact),
        CgroupInode = cgroup is null ? null : core?.Frames is SavedFrames frames ? InodeIn(frames, cgroup)
            : CgroupTree.Load().InodeOf(cgroup),
    };

    /// <summary>Returns the inode of a cgroup at the time when a core was saved.</summary>
    private static ulong InodeIn(SavedFrames frames, string cgroup) =>
        CgroupTree.TryNumber(cgroup.StartsWith('@') ? cgroup[1..] : cgroup, out ulong inode) ? inode
        : frames.CgroupInodeOf(cgroup.StartsWith('/') ? cgroup : $"/{cgroup}") ?? throw new MemProcException(
            Operation.FindCgroup, Errno.ENOENT, $"No frame in the core is charged to the cgroup '{SafeText.Escape(cgroup)}'.", cgroup);

    /// <summary>Returns the frame tables to read: those that the filter requires, and those that are to be shown.</summary>
    /// <param name="flags">The flags are shown.</param>
    /// <param name="mapCount">The map counts are shown.</param>
    /// <param name="cgroup">The cgroups are shown.</param>
    public FrameAttributes FieldsWith(bool flags, bool mapCount, bool cgroup) => RequiredFields
        | (flags ? FrameAttributes.Flags : 0) | (mapCount ? FrameAttributes.MapCount : 0) | (cgroup ? FrameAttributes.Cgroup : 0);

    /// <summary>Returns whether a frame is selected.</summary>
    /// <param name="frame">The frame; null: there is none, as for a page in swap.</param>
    public bool Matches(PageFlags? frame) =>
        (Flags is null || Flags.Matches(frame?.ShownFlags ?? 0))
        && (CgroupInode is null || frame?.CgroupInode == CgroupInode);
}

namespace MemProc;

/// <summary>Selects page frames by what they are used for and whom they belong to. What is null selects all.</summary>
public sealed class PageFrameFilter
{
    /// <summary>Kinds; empty: every kind.</summary>
    public IReadOnlyList<PageFrameKind> Kinds { get; init; } = [];

    /// <summary>Decides by the path of the file; frames without a path are not selected.</summary>
    public Func<string, bool>? Path { get; init; }

    /// <summary>Decides by the name of the slab cache; other frames are not selected.</summary>
    public Func<string, bool>? Slab { get; init; }

    /// <summary>Inode of the memory cgroup that must be charged.</summary>
    public ulong? CgroupInode { get; init; }

    /// <summary>What has to be known of a frame to decide.</summary>
    internal FrameOwnerKinds Needs => (Path is null ? 0 : FrameOwnerKinds.File) | (Slab is null ? 0 : FrameOwnerKinds.Slab)
        | (CgroupInode is null ? 0 : FrameOwnerKinds.Cgroup);

    /// <summary>Returns whether a frame may be selected, before its owner is looked up.</summary>
    internal bool MayMatch(in FrameState state) => (Kinds.Count == 0 || Kinds.Contains(state.Kind))
        && (Slab is null || state.Kind == PageFrameKind.Slab)
        && (Path is null || state.Kind is PageFrameKind.File or PageFrameKind.SharedMemory or PageFrameKind.HugeTlb);

    /// <summary>Returns whether a frame that may be selected is selected.</summary>
    internal bool Matches(in FrameOwner owner) => (Path is null || (owner.File?.Path is string path && Path(path)))
        && (Slab is null || (owner.Slab is FrameSlab slab && Slab(slab.Name)))
        && (CgroupInode is null || owner.Cgroup?.Inode == CgroupInode);
}

/// <summary>Whom a frame belongs to. What it does not have, and what could not be read, is null.</summary>
/// <param name="File">Its file.</param>
/// <param name="Slab">Its slab cache.</param>
/// <param name="Cgroup">The memory cgroup that is charged for it.</param>
internal readonly record struct FrameOwner(FrameFile? File, FrameSlab? Slab, FrameCgroup? Cgroup);

/// <summary>Kinds of owners.</summary>
[Flags]
internal enum FrameOwnerKinds
{
    None = 0,
    File = 1,
    Slab = 2,
    Cgroup = 4,
    All = File | Slab | Cgroup,
}

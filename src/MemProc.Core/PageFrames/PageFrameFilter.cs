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

    /// <summary>Creates a filter; null where nothing restricts the selection.</summary>
    /// <param name="kinds">Kinds; null: every kind.</param>
    /// <param name="path">Decides by the path of the file; null: any.</param>
    /// <param name="slab">Decides by the name of the slab cache; null: any.</param>
    /// <param name="cgroup">Path or inode of the memory cgroup; null: any.</param>
    /// <exception cref="MemProcException">FindCgroup: there is no such cgroup.</exception>
    public static PageFrameFilter? Create(
        IReadOnlyList<PageFrameKind>? kinds, Func<string, bool>? path, Func<string, bool>? slab, string? cgroup) =>
        kinds is null or [] && path is null && slab is null && cgroup is null
            ? null
            : new PageFrameFilter
            {
                Kinds = kinds ?? [],
                Path = path,
                Slab = slab,
                CgroupInode = cgroup is null ? null : CgroupTree.Load().InodeOf(cgroup),
            };

    /// <summary>Returns the names of the slab caches; empty where this user may not read them.</summary>
    /// <param name="files">Where procfs is; the usual place when left out.</param>
    public static IReadOnlyList<string> SlabNames(KernelFiles? files = null)
    {
        const int HeaderLines = 2;
        try
        {
            return [.. File.ReadLines($"{(files ?? KernelFiles.Default).Proc}/slabinfo").Skip(HeaderLines)
                .Select(line => line.Split(' ')[0])];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Returns whether a frame is selected.</summary>
    public bool Matches(PageFrame frame) => MayMatch(frame.State) && Matches(frame.Owner);

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

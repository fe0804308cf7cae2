using MemProc.Interop;

namespace MemProc;

/// <summary>What the kernel reports about a page frame.</summary>
public sealed class PageFlags
{
    private readonly KernelPageFlagSet _shown;

    internal PageFlags(
        ulong pfn, KernelPageFlagSet word, bool raw, ulong? mapCount, ulong? cgroupInode, string? cgroupPath,
        RawPageMapEntry page)
    {
        Pfn = pfn;
        RawFlags = word.Raw;
        MapCount = mapCount;
        CgroupInode = cgroupInode;
        CgroupPath = cgroupPath;
        _shown = raw ? word.Expand(page) : word.WellKnown;
    }

    /// <summary>The frame number.</summary>
    public ulong Pfn { get; }

    /// <summary>The flags as <c>/proc/kpageflags</c> has them.</summary>
    public ulong RawFlags { get; }

    /// <summary>
    /// Names of the flags, lowest bit first; an unknown bit by number (<c>bit27</c>). Flags internal to the kernel are
    /// among them only where raw flags were requested, as in page-types.
    /// </summary>
    public string[] Flags => _shown.Names;

    /// <summary>The same flags in the letters of page-types.</summary>
    public string Symbol => _shown.Symbol;

    /// <summary>How many times the frame is mapped (<c>/proc/kpagecount</c>); null where it was not requested.</summary>
    public ulong? MapCount { get; }

    /// <summary>
    /// Inode of the memory cgroup that is charged for the frame (<c>/proc/kpagecgroup</c>), 0 where none is; null where
    /// it was not requested, and on kernels without memory cgroups.
    /// </summary>
    public ulong? CgroupInode { get; }

    /// <summary>
    /// Path of that cgroup in its hierarchy; null where none is charged, where its folder is not visible, and like
    /// <see cref="CgroupInode"/>.
    /// </summary>
    public string? CgroupPath { get; }

    /// <summary>Physical address of the frame.</summary>
    public ulong PhysicalAddress => Pfn * MachinePage.SizeBytes;

    /// <summary>The flags as they are shown, as bits.</summary>
    internal ulong ShownFlags => _shown.Raw;
}

using MemProc.Interop;

namespace MemProc;

/// <summary>What the kernel knows of a page frame.</summary>
public sealed class PageFlags
{
    private readonly KernelPageWord _shown;

    internal PageFlags(
        ulong pfn, KernelPageWord word, bool raw, ulong? mapCount, ulong? cgroupInode, string? cgroupPath,
        PageMapWord page)
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

    /// <summary>The word of <c>/proc/kpageflags</c>, untouched.</summary>
    public ulong RawFlags { get; }

    /// <summary>
    /// Names of the flags, lowest bit first; an unknown bit by number (<c>bit27</c>). Unless raw flags were asked
    /// for, those of the kernel's internals are left out, as page-types leaves them out.
    /// </summary>
    public string[] Flags => _shown.Names;

    /// <summary>The same flags in page-types' letters.</summary>
    public string Symbol => _shown.Symbol;

    /// <summary>How many times the frame is mapped (<c>/proc/kpagecount</c>); null where it was not asked for.</summary>
    public ulong? MapCount { get; }

    /// <summary>
    /// Inode of the memory cgroup that pays for the frame (<c>/proc/kpagecgroup</c>), 0 where none does; null where it
    /// was not asked for, and on kernels without memory cgroups.
    /// </summary>
    public ulong? CgroupInode { get; }

    /// <summary>
    /// Path of that cgroup in its hierarchy; null where none pays, where its folder is not in sight, and like
    /// <see cref="CgroupInode"/>.
    /// </summary>
    public string? CgroupPath { get; }

    /// <summary>Physical address of the frame.</summary>
    public ulong PhysicalAddress => Pfn * MachinePage.SizeBytes;

    /// <summary>The flags as they are shown, as one word.</summary>
    internal ulong ShownFlags => _shown.Raw;
}

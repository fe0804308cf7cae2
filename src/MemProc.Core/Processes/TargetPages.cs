using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>The pagemap entries of a target: <c>/proc/PID/pagemap</c>, or what a core has of it.</summary>
internal abstract class TargetPages
{
    /// <summary>
    /// The bits of an entry that the kernel of a core did not report; null for a live process, as this kernel decides it.
    /// </summary>
    public virtual ulong? UnknownBits => null;

    /// <summary>Whether <see cref="TryFindPopulated"/> reports which pages are huge, where it works at all.</summary>
    public virtual bool ReportsHuge => true;

    /// <summary>
    /// The size in bytes of transparent huge pages on the machine of a core, 0 where it is unknown; null for a live process.
    /// </summary>
    public virtual ulong? HugePageBytes => null;

    /// <summary>Reads the entries of consecutive pages.</summary>
    /// <param name="address">Address of the first page.</param>
    /// <param name="entries">Receives the entries.</param>
    /// <param name="read">The number of entries; 0 where the process has no memory any more.</param>
    /// <returns>ENODATA: the core was cut off before what it has of the page.</returns>
    public abstract Errno TryRead(ulong address, Span<ulong> entries, out int read);

    /// <inheritdoc cref="PageMapScan.TryFindPopulated"/>
    public abstract Errno TryFindPopulated(
        ulong start, ulong end, Span<PageRegion> regions, out int count, out ulong walkEnd, ulong maxPages);
}

/// <summary>The pagemap entries of a live process.</summary>
/// <param name="process">The process.</param>
internal sealed class LivePages(LinuxProcess process) : TargetPages
{
    private static readonly ulong PageBytes = (ulong)Environment.SystemPageSize;

    /// <inheritdoc/>
    public override Errno TryRead(ulong address, Span<ulong> entries, out int read)
    {
        Errno errno = Libc.TryPRead(
            process.PageMap, MemoryMarshal.AsBytes(entries), address / PageBytes * sizeof(ulong), out read);
        read /= sizeof(ulong);
        return errno;
    }

    /// <inheritdoc/>
    public override Errno TryFindPopulated(
        ulong start, ulong end, Span<PageRegion> regions, out int count, out ulong walkEnd, ulong maxPages) =>
        PageMapScan.TryFindPopulated(process.PageMap, start, end, regions, out count, out walkEnd, maxPages);
}

/// <summary>What a core has of the page frames of its process.</summary>
internal abstract class SavedFrames
{
    /// <summary>Whether map counts were saved.</summary>
    public abstract bool HasMapCounts { get; }

    /// <summary>Whether the cgroups of frames were saved.</summary>
    public abstract bool HasCgroups { get; }

    /// <summary>Returns the frames of a range that the core has, in ascending order, equal neighbors as one.</summary>
    /// <param name="first">The first frame.</param>
    /// <param name="end">The number after that of the last frame.</param>
    public abstract IEnumerable<SavedFrameRun> Between(ulong first, ulong end);

    /// <summary>Finds a frame; false where the core does not have it.</summary>
    /// <param name="pfn">Its number.</param>
    /// <param name="run">The frames of equal state that it is among.</param>
    public abstract bool TryFind(ulong pfn, out SavedFrameRun run);

    /// <summary>Returns the path of a cgroup at the time of the save; null where it is unknown.</summary>
    /// <param name="inode">Its inode.</param>
    public abstract string? CgroupPathOf(ulong inode);

    /// <summary>Returns the inode of a cgroup by its path at the time of the save; null where no frame is charged to it.</summary>
    /// <param name="path">The path.</param>
    public abstract ulong? CgroupInodeOf(string path);
}

/// <summary>Consecutive frames of equal state.</summary>
/// <param name="First">The first frame.</param>
/// <param name="Count">Number of frames.</param>
/// <param name="Flags">The flags as <c>/proc/kpageflags</c> had them.</param>
/// <param name="MapCount">How many times each was mapped; 0 where that was not saved.</param>
/// <param name="Cgroup">Inode of the memory cgroup; 0 where there is none.</param>
internal readonly record struct SavedFrameRun(ulong First, ulong Count, ulong Flags, ulong MapCount, ulong Cgroup)
{
    /// <summary>The number after that of the last frame.</summary>
    public ulong End => First + Count;
}

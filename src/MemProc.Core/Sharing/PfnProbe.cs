using System.Runtime.InteropServices;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Looks for frames in processes that most likely do not map them, at the lowest cost: it opens only pagemap and scans
/// the whole address space at once, without the identity and the mappings of the process.
/// </summary>
/// <param name="targets">The frames.</param>
/// <param name="files">Where procfs is.</param>
/// <param name="cancellation">Stops the search.</param>
internal sealed class PfnProbe(TargetFrames targets, KernelFiles files, CancellationToken cancellation)
{
    private const int BatchPages = 8 * 1024;
    private const int RegionCount = 512;

    /// <summary>Reading this many empty entries is cheaper than another system call.</summary>
    private const ulong MaxGapPages = 128;

    /// <summary>Frames whose flags are read, so that pages that cannot be in them are left out.</summary>
    private const int MaxCheckedFrames = 1024;

    private readonly ulong _end = UserSpace.End(files);
    private readonly PageRegion[] _regions = new PageRegion[RegionCount];
    private readonly ulong[] _entries = new ulong[BatchPages];

    /// <summary>Whether the frames are all anonymous memory: pages of files are not read then. They are most pages.</summary>
    public bool OnlyAnonymous { get; init; }

    /// <summary>
    /// Returns whether all frames are anonymous memory (kpageflags). A frame that is freed and used for a file during the
    /// search can be missed, as if it had been searched for earlier.
    /// </summary>
    /// <param name="targets">The frames.</param>
    /// <param name="files">Where procfs is.</param>
    /// <returns>False where the flags cannot be read, too.</returns>
    public static bool AreAnonymous(TargetFrames targets, KernelFiles files)
    {
        ulong[]? pfns = targets.Singles(MaxCheckedFrames);
        if (pfns is null)
        {
            return false;
        }

        try
        {
            using FrameTables tables = new(FrameAttributes.Flags, files, isKsmWrong: false);
            ulong[] flags = new ulong[pfns.Length];
            return tables.ReadFlags(pfns, flags) == pfns.Length && Array.TrueForAll(flags, set => new KernelPageFlagSet(set).IsAnonymous);
        }
        catch (MemProcException)
        {
            return false;
        }
    }

    /// <summary>Returns the lowest address where a process maps one of the frames.</summary>
    /// <param name="processId">The process.</param>
    /// <returns>
    /// null: nowhere. 0: unknown, since the process cannot be searched this way; a complete search reports why.
    /// </returns>
    public ulong? FindFirst(int processId)
    {
        string path = $"{files.Proc}/{processId}/pagemap";
        if (_end == 0 || Libc.TryOpenAt(null, path, OpenAccess.ReadOnly, out SafeFileHandle? pagemap) != Errno.None)
        {
            return 0;
        }

        using (pagemap)
        {
            for (ulong at = 0; at < _end;)
            {
                cancellation.ThrowIfCancellationRequested();
                ulong start = at;
                Errno errno = OnlyAnonymous
                    ? PageMapScan.TryFindAnonymous(pagemap!, start, _end, _regions, out int count, out at)
                    : PageMapScan.TryFindPresent(pagemap!, start, _end, _regions, out count, out at);
                if (errno != Errno.None || at <= start)
                {
                    return 0;
                }

                if (FindIn(pagemap!, _regions.AsSpan(0, count)) is ulong found)
                {
                    return found;
                }
            }

            // A process that has exited meanwhile has no entries to read.
            return TryRead(pagemap!, 0, 1) == 1 ? null : 0;
        }
    }

    private ulong? FindIn(SafeFileHandle pagemap, ReadOnlySpan<PageRegion> regions)
    {
        for (int index = 0; index < regions.Length;)
        {
            ulong at = regions[index].Start;
            ulong end = regions[index++].End;
            while (index < regions.Length && regions[index].Start - end <= MaxGapPages * MachinePage.SizeBytes)
            {
                end = regions[index++].End;
            }

            while (at < end)
            {
                int read = TryRead(pagemap, at, (int)Math.Min((end - at) / MachinePage.SizeBytes, BatchPages));
                if (read == 0)
                {
                    return 0;
                }

                int page = targets.IndexOfNext(_entries.AsSpan(0, read), 0);
                if (page >= 0)
                {
                    return at + (ulong)page * MachinePage.SizeBytes;
                }

                at += (ulong)read * MachinePage.SizeBytes;
            }
        }

        return null;
    }

    /// <summary>Reads entries; returns 0 where none can be read.</summary>
    private int TryRead(SafeFileHandle pagemap, ulong address, int pages)
    {
        cancellation.ThrowIfCancellationRequested();
        _ = Libc.TryPRead(pagemap, MemoryMarshal.AsBytes(_entries.AsSpan(0, pages)),
            address / MachinePage.SizeBytes * sizeof(ulong), out int read);
        return read / sizeof(ulong);
    }
}

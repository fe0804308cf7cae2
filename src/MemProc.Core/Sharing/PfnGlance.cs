using System.Runtime.InteropServices;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Looks for frames in processes that most likely do not map them, at the least cost: pagemap alone is opened, and the
/// whole address space scanned at once. Which process it is, and its mappings, are not asked for.
/// </summary>
/// <param name="wanted">The frames.</param>
/// <param name="cancellation">Stops the looking.</param>
internal sealed class PfnGlance(WantedFrames wanted, CancellationToken cancellation)
{
    private const int BatchPages = 8 * 1024;
    private const int RegionCount = 512;

    /// <summary>Reading a few empty words is cheaper than another system call.</summary>
    private const ulong BridgedPages = 128;

    private readonly PageRegion[] _regions = new PageRegion[RegionCount];
    private readonly ulong[] _words = new ulong[BatchPages];

    /// <summary>The lowest address where a process has a wanted page.</summary>
    /// <param name="processId">The process.</param>
    /// <returns>
    /// null: it has none. 0: it may have some, since it cannot be told like this; why not, a proper search will say.
    /// </returns>
    public ulong? FindFirst(int processId)
    {
        string path = $"{KernelFiles.Default.Proc}/{processId}/pagemap";
        if (UserSpace.End == 0
            || Libc.TryOpenAt(null, path, OpenAccess.ReadOnly, out SafeFileHandle? pagemap) != Errno.None)
        {
            return 0;
        }

        using (pagemap)
        {
            for (ulong at = 0; at < UserSpace.End;)
            {
                cancellation.ThrowIfCancellationRequested();
                ulong start = at;
                if (PageMapScan.TryFindPresent(pagemap!, start, UserSpace.End, _regions, out int count, out at)
                    != Errno.None || at <= start)
                {
                    return 0;
                }

                if (FindIn(pagemap!, _regions.AsSpan(0, count)) is ulong found)
                {
                    return found;
                }
            }

            // A process that has exited meanwhile has no pages any more, not even a word of them.
            return TryRead(pagemap!, 0, 1) == 1 ? null : 0;
        }
    }

    private ulong? FindIn(SafeFileHandle pagemap, ReadOnlySpan<PageRegion> regions)
    {
        for (int index = 0; index < regions.Length;)
        {
            ulong at = regions[index].Start;
            ulong end = regions[index++].End;
            while (index < regions.Length && regions[index].Start - end <= BridgedPages * MachinePage.SizeBytes)
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

                int page = wanted.Next(_words.AsSpan(0, read), 0);
                if (page >= 0)
                {
                    return at + (ulong)page * MachinePage.SizeBytes;
                }

                at += (ulong)read * MachinePage.SizeBytes;
            }
        }

        return null;
    }

    /// <summary>Reads words; 0 where none can be read.</summary>
    private int TryRead(SafeFileHandle pagemap, ulong address, int pages)
    {
        cancellation.ThrowIfCancellationRequested();
        _ = Libc.TryPRead(pagemap, MemoryMarshal.AsBytes(_words.AsSpan(0, pages)),
            address / MachinePage.SizeBytes * sizeof(ulong), out int read);
        return read / sizeof(ulong);
    }
}

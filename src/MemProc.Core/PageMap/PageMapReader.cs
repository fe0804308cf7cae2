using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>The pagemap entries of consecutive pages of a process.</summary>
/// <param name="Address">Address of the first page.</param>
/// <param name="Entries">The entries; the next range overwrites them.</param>
/// <param name="IsHuge">
/// Whether the pages are mapped by entries larger than a page; null where the kernel does not report it, where nothing
/// is mapped, or where it was not requested.
/// </param>
public readonly record struct PageMapRange(ulong Address, ReadOnlyMemory<ulong> Entries, bool? IsHuge);

/// <summary>
/// Reads <c>/proc/PID/pagemap</c>, or what a core has of it, in large chunks into one buffer. PAGEMAP_SCAN (Linux 6.7)
/// finds the populated pages, so that a reservation of terabytes costs what its touched pages cost; without it every page
/// is read.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the reading.</param>
public sealed class PageMapReader(MemoryTarget process, CancellationToken cancellation = default)
{
    /// <summary>Entries in one read: 64 KiB. More are not faster, and would need the large object heap.</summary>
    private const int BatchPages = 8 * 1024;

    /// <summary>Reading this many empty entries is cheaper than another system call.</summary>
    private const ulong MaxGapPages = 128;
    private const int RegionCount = 512;

    /// <summary>Bytes from which on a range is scanned in parts on several processors: half a millisecond where it is sparse.</summary>
    private const ulong PartsFromBytes = 64UL << 30;

    /// <summary>Maximum number of such parts.</summary>
    private const int MaxParts = 4;

    /// <summary>Populated pages after which a scan stops: memory that is used so densely is read without a scan.</summary>
    private const ulong ScanPages = 4096;

    /// <summary>
    /// Pages of the smallest huge page: 2 MiB on x86; elsewhere a few consecutive entries can form one.
    /// </summary>
    private static readonly uint MinHugePages = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 512u : 16;

    // As large as the largest read so far, and made when first used: there can be a reader for each of many small ranges.
    private ulong[] _entries = [];
    private PageRegion[] _regions = [];
    private bool _canScan = true;

    /// <summary>Whether all that is populated in a range is likely to be found at once.</summary>
    private bool _isSparse;

    /// <summary>
    /// Whether <see cref="PageMapRange.IsHuge"/> is filled. Memory in which a page could be huge is scanned for it, and
    /// so walked twice.
    /// </summary>
    public bool DetectHuge { get; init; }

    /// <summary>
    /// Whether <see cref="ReadPopulated"/> leaves out anonymous pages, except for the zero page, where the kernel finds the
    /// others by itself (PAGEMAP_SCAN).
    /// </summary>
    public bool OnlyFiles { get; init; }

    /// <summary>
    /// Returns every populated page of a range, in address order. Empty pages can be among them:
    /// <see cref="RawPageMapEntry.IsPopulated"/> says which.
    /// </summary>
    /// <param name="start">First address, page-aligned.</param>
    /// <param name="end">First address after the range, page-aligned.</param>
    /// <exception cref="MemProcException">
    /// ReadPageMap: EACCES without ptrace access; ESRCH where the process exits meanwhile; ENODATA where a core has no page
    /// information.
    /// </exception>
    public IEnumerable<PageMapRange> ReadPopulated(ulong start, ulong end)
    {
        // Memory that is in use is read in growing chunks; where it is not, a scan finds the next populated page.
        ulong pages = MaxGapPages;
        _isSparse = true;
        for (ulong at = start; at < end;)
        {
            bool goesOn = false;
            ulong until = OnlyFiles && _canScan ? at : at + Math.Min(pages * MachinePage.SizeBytes, end - at);
            while (at < until)
            {
                PageMapRange range = ReadEntries(ref at, until);
                goesOn = EndsPopulated(range.Entries.Span);
                foreach (PageMapRange part in WithHugeState(range, includeEmpty: false))
                {
                    yield return part;
                }
            }

            if (goesOn || !_canScan)
            {
                pages = Math.Min(pages * 2, BatchPages);
            }
            else if (at < end)
            {
                int count = Scan(at, end, ScanPages, out at);
                for (int index = 0; index < count;)
                {
                    PageRegion region = NextRegion(ref index, count);
                    for (ulong next = region.Start; next < region.End;)
                    {
                        yield return ReadEntries(ref next, region.End, IsHuge(region));
                    }
                }

                pages = MaxGapPages;
            }
        }
    }

    /// <summary>Returns every page of a range, empty ones included.</summary>
    /// <inheritdoc cref="ReadPopulated"/>
    public IEnumerable<PageMapRange> ReadAll(ulong start, ulong end)
    {
        for (ulong at = start; at < end;)
        {
            foreach (PageMapRange part in WithHugeState(ReadEntries(ref at, end), includeEmpty: true))
            {
                yield return part;
            }
        }
    }

    /// <summary>Returns whether one of the last pages is populated: the next ones are then likely to be.</summary>
    private static bool EndsPopulated(ReadOnlySpan<ulong> entries)
    {
        for (int index = entries.Length - 1; index >= 0 && index >= entries.Length - (int)MaxGapPages; index--)
        {
            if (new RawPageMapEntry(entries[index]).IsPopulated)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Splits pages by whether they are huge, where that is requested.</summary>
    private IEnumerable<PageMapRange> WithHugeState(PageMapRange range, bool includeEmpty) =>
        !DetectHuge ? [range]
        : MayBeHuge(range) ? ScanRanges(
            range.Address, range.Address + (ulong)range.Entries.Length * MachinePage.SizeBytes, includeEmpty)
        : [range with { IsHuge = false }];

    /// <summary>
    /// Returns whether a page can be mapped by a larger entry: its frames are consecutive, and aligned as its addresses
    /// are. False is certain.
    /// </summary>
    private static bool MayBeHuge(PageMapRange range)
    {
        ReadOnlySpan<ulong> entries = range.Entries.Span;
        ulong firstPage = range.Address / MachinePage.SizeBytes;
        for (int first = 0; first < entries.Length;)
        {
            ulong page = firstPage + (ulong)first;
            int next = (int)Math.Min((ulong)entries.Length, (ulong)first + MinHugePages - page % MinHugePages);
            RawPageMapEntry entry = new(entries[first]);
            if (entry.IsPfnHidden
                || (entry.IsPresent && entry.Pfn % MinHugePages == page % MinHugePages
                    && new RawPageMapEntry(entries[next - 1]).Pfn == entry.Pfn + (ulong)(next - 1 - first)))
            {
                return true;
            }

            first = next;
        }

        return false;
    }

    /// <summary>Returns whether a region is mapped by larger entries; null where the kernel does not report it.</summary>
    private bool? IsHuge(PageRegion region) =>
        _canScan && process.Pages.ReportsHuge ? region.Categories.HasFlag(PageCategories.Huge) : null;

    /// <summary>Reads the pages of a range again, split by whether larger entries map them.</summary>
    private IEnumerable<PageMapRange> ScanRanges(ulong start, ulong end, bool includeEmpty)
    {
        for (ulong at = start; at < end;)
        {
            int count = _canScan ? Scan(at, end, maxPages: 0, out ulong walkEnd) : FallBack(at, end, out walkEnd);
            ulong done = at;
            for (int index = 0; index < count;)
            {
                PageRegion region = NextRegion(ref index, count);
                while (includeEmpty && done < region.Start)
                {
                    yield return ReadEntries(ref done, region.Start);
                }

                for (done = region.Start; done < region.End;)
                {
                    yield return ReadEntries(ref done, region.End, IsHuge(region));
                }
            }

            while (includeEmpty && done < walkEnd)
            {
                yield return ReadEntries(ref done, walkEnd);
            }

            at = walkEnd;
        }
    }

    /// <summary>Fills the regions with what is populated. Returns their number, and where the scan ended.</summary>
    private int Scan(ulong at, ulong end, ulong maxPages, out ulong walkEnd)
    {
        cancellation.ThrowIfCancellationRequested();
        _regions = _regions.Length == 0 ? new PageRegion[RegionCount] : _regions;
        Errno errno = _isSparse && end - at >= PartsFromBytes && process is LinuxProcess live
            ? TryScanParts(live, at, end, maxPages, out int count, out walkEnd)
            : TryScan(at, end, _regions, maxPages, out count, out walkEnd);
        if (errno == Errno.ENOTTY)
        {
            _canScan = false;
            return FallBack(at, end, out walkEnd);
        }

        if (errno != Errno.None)
        {
            throw process.Failure(Operation.ReadPageMap, errno, $"cannot scan the pages from 0x{at:x}", at);
        }

        return walkEnd > at ? count : throw EndedEarly(at);
    }

    private Errno TryScan(
        ulong at, ulong end, Span<PageRegion> regions, ulong maxPages, out int count, out ulong walkEnd) =>
        OnlyFiles && process is LinuxProcess live
            ? PageMapScan.TryFindFiles(live.PageMap, at, end, regions, out count, out walkEnd)
            : process.Pages.TryFindPopulated(at, end, regions, out count, out walkEnd, maxPages);

    /// <summary>
    /// Scans a large range in parts on several processors, this thread among them. What was found after a part that holds
    /// too much is dropped, and the rest of the range is scanned by one.
    /// </summary>
    private Errno TryScanParts(LinuxProcess live, ulong at, ulong end, ulong maxPages, out int count, out ulong walkEnd)
    {
        // Opened here: what fails on several threads comes as several errors in one.
        _ = live.PageMap;
        int parts = Math.Min(Environment.ProcessorCount, MaxParts), size = RegionCount / parts;
        ulong bytes = MachinePage.Floor((end - at) / (ulong)parts);
        (Errno Errno, int Count, ulong End)[] found = new (Errno, int, ulong)[parts];
        ulong EndOf(int part) => part == parts - 1 ? end : at + (ulong)(part + 1) * bytes;
        Parallel.For(0, parts, part => found[part].Errno = TryScan(at + (ulong)part * bytes, EndOf(part),
            _regions.AsSpan(part * size, size), maxPages, out found[part].Count, out found[part].End));
        (count, walkEnd) = (0, at);
        for (int part = 0; part < parts && walkEnd == at + (ulong)part * bytes; part++)
        {
            if (found[part].Errno != Errno.None)
            {
                return found[part].Errno;
            }

            _regions.AsSpan(part * size, found[part].Count).CopyTo(_regions.AsSpan(count));
            count += found[part].Count;
            walkEnd = found[part].End;
        }

        _isSparse = walkEnd == end;
        return Errno.None;
    }

    /// <summary>Returns the whole range as one region: without the scan, any page can be populated.</summary>
    private int FallBack(ulong at, ulong end, out ulong walkEnd)
    {
        _regions = [new PageRegion { Start = at, End = end }];
        walkEnd = end;
        return 1;
    }

    /// <summary>Returns the next region, joined with those of its kind that follow closely.</summary>
    private PageRegion NextRegion(ref int index, int count)
    {
        PageRegion region = _regions[index++];
        while (index < count && _regions[index].Categories == region.Categories
            && _regions[index].Start - region.End <= MaxGapPages * MachinePage.SizeBytes)
        {
            region.End = _regions[index++].End;
        }

        return region;
    }

    /// <summary>Reads the next pages of a range, as many as fit into the buffer, and goes to the page after them.</summary>
    private PageMapRange ReadEntries(ref ulong at, ulong end, bool? isHuge = null)
    {
        cancellation.ThrowIfCancellationRequested();
        int pages = (int)Math.Min((end - at) / MachinePage.SizeBytes, BatchPages);
        _entries = _entries.Length < pages ? new ulong[pages] : _entries;
        ulong first = at;
        Errno errno = process.Pages.TryRead(first, _entries.AsSpan(0, pages), out int read);
        if (errno != Errno.None)
        {
            throw process.Failure(Operation.ReadPageMap, errno, $"cannot read the pages from 0x{first:x}", first);
        }

        at += (ulong)read * MachinePage.SizeBytes;
        return read > 0 ? new PageMapRange(first, _entries.AsMemory(0, read), isHuge) : throw EndedEarly(first);
    }

    /// <summary>Creates the error for an end of file where pages are mapped: the process exited, or called exec.</summary>
    private MemProcException EndedEarly(ulong address) => process.Failure(
        Operation.ReadPageMap, Errno.EFAULT, $"has no page table at 0x{address:x} (any more)", address);

    /// <summary>Creates the error for a search by frame number where the kernel hides them.</summary>
    internal static MemProcException FramesHidden() => new(Operation.ReadPageMap, Errno.EPERM,
        "The kernel hides frame numbers from this user, so pages cannot be found by them. "
        + CallerRights.Read().Explain([Capability.SysAdmin]));
}

using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>Words of a process' pagemap for a stretch of consecutive pages.</summary>
/// <param name="Address">Address of the first page.</param>
/// <param name="Words">The words; the memory is used again for the next stretch.</param>
/// <param name="IsHuge">
/// The pages are mapped by entries larger than a page; null where the kernel cannot tell, where nothing is there, or
/// where it was not asked for.
/// </param>
public readonly record struct PageMapStretch(ulong Address, ReadOnlyMemory<ulong> Words, bool? IsHuge);

/// <summary>
/// Reads <c>/proc/PID/pagemap</c> in large pieces into one buffer. PAGEMAP_SCAN (Linux 6.7) finds what is
/// populated, so that a reservation of terabytes costs what its touched pages cost; without it every page is read.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the reading.</param>
public sealed class PageMapReader(LinuxProcess process, CancellationToken cancellation = default)
{
    /// <summary>Words in one read: 64 KiB of them. More are no faster, and would have to come from the large heap.</summary>
    private const int BatchPages = 8 * 1024;

    /// <summary>Reading a few empty words is cheaper than another system call.</summary>
    private const ulong BridgedPages = 128;
    private const int RegionCount = 512;

    /// <summary>
    /// Populated pages behind which a scan stops: memory that is in use so densely is read without being scanned.
    /// </summary>
    private const ulong ScanPages = 4096;

    // As large as the largest read so far: there can be a reader for each of many small ranges.
    private ulong[] _words = [];
    private readonly PageRegion[] _regions = new PageRegion[RegionCount];
    private bool _canScan = true;

    /// <summary>
    /// Pages of the smallest huge page: 2 MiB on x86; elsewhere a few neighbouring entries can make one.
    /// </summary>
    private static readonly uint SmallestHuge = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 512u : 16;

    /// <summary>
    /// Whether <see cref="PageMapStretch.IsHuge"/> is wanted. Memory in which some page could be huge is scanned for
    /// it, and so walked twice.
    /// </summary>
    public bool TellsHuge { get; init; }

    /// <summary>
    /// Stretches that hold every populated page of a range, in address order. They can hold empty pages too:
    /// ask <see cref="PageMapWord.IsPopulated"/>.
    /// </summary>
    /// <param name="start">First address, page-aligned.</param>
    /// <param name="end">First address behind the range, page-aligned.</param>
    /// <exception cref="MemProcException">
    /// ReadPageMap: EACCES without ptrace access; ESRCH where the process exits meanwhile.
    /// </exception>
    public IEnumerable<PageMapStretch> ReadPopulated(ulong start, ulong end)
    {
        // Where memory is in use it is read on and on, in growing pieces; where it is not, the next page is scanned for.
        ulong pages = BridgedPages;
        for (ulong at = start; at < end;)
        {
            bool goesOn = false;
            ulong until = at + Math.Min(pages * MachinePage.SizeBytes, end - at);
            foreach (PageMapStretch stretch in ReadWords(at, until))
            {
                goesOn = EndsPopulated(stretch.Words.Span);
                foreach (PageMapStretch told in Told(stretch, includeEmpty: false))
                {
                    yield return told;
                }
            }

            at = until;
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
                    foreach (PageMapStretch stretch in ReadWords(region.Start, region.End, IsHuge(region)))
                    {
                        yield return stretch;
                    }
                }

                pages = BridgedPages;
            }
        }
    }

    /// <summary>Stretches that hold every page of a range, empty ones too.</summary>
    /// <inheritdoc cref="ReadPopulated"/>
    public IEnumerable<PageMapStretch> ReadAll(ulong start, ulong end) =>
        ReadWords(start, end).SelectMany(stretch => Told(stretch, includeEmpty: true));

    /// <summary>Whether one of the last pages is populated: then the next ones are likely to be, too.</summary>
    private static bool EndsPopulated(ReadOnlySpan<ulong> words)
    {
        for (int index = words.Length - 1; index >= 0 && index >= words.Length - (int)BridgedPages; index--)
        {
            if (new PageMapWord(words[index]).IsPopulated)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A stretch with what is to be told of it.</summary>
    private IEnumerable<PageMapStretch> Told(PageMapStretch stretch, bool includeEmpty) =>
        !TellsHuge ? [stretch]
        : MayBeHuge(stretch) ? Scanned(
            stretch.Address, stretch.Address + (ulong)stretch.Words.Length * MachinePage.SizeBytes, includeEmpty)
        : [stretch with { IsHuge = false }];

    /// <summary>
    /// Whether some page of a stretch can be mapped by a larger entry: its frames lie beside each other, and as its
    /// addresses do. False is certain.
    /// </summary>
    private static bool MayBeHuge(PageMapStretch stretch)
    {
        ReadOnlySpan<ulong> words = stretch.Words.Span;
        ulong firstPage = stretch.Address / MachinePage.SizeBytes;
        for (int first = 0; first < words.Length;)
        {
            ulong page = firstPage + (ulong)first;
            int next = (int)Math.Min((ulong)words.Length, (ulong)first + SmallestHuge - page % SmallestHuge);
            PageMapWord word = new(words[first]);
            if (word.IsPfnHidden
                || (word.IsPresent && word.Pfn % SmallestHuge == page % SmallestHuge
                    && new PageMapWord(words[next - 1]).Pfn == word.Pfn + (ulong)(next - 1 - first)))
            {
                return true;
            }

            first = next;
        }

        return false;
    }

    /// <summary>Whether a region is mapped by larger entries; null where the kernel cannot tell.</summary>
    private bool? IsHuge(PageRegion region) => _canScan ? region.Categories.HasFlag(PageCategories.Huge) : null;

    /// <summary>The pages of a range again, those that are mapped by larger entries apart.</summary>
    private IEnumerable<PageMapStretch> Scanned(ulong start, ulong end, bool includeEmpty)
    {
        for (ulong at = start; at < end;)
        {
            int count = _canScan ? Scan(at, end, maxPages: 0, out ulong walkEnd) : NoScan(at, end, out walkEnd);
            ulong done = at;
            for (int index = 0; index < count;)
            {
                PageRegion region = NextRegion(ref index, count);
                if (includeEmpty && region.Start > done)
                {
                    foreach (PageMapStretch stretch in ReadWords(done, region.Start))
                    {
                        yield return stretch;
                    }
                }

                foreach (PageMapStretch stretch in ReadWords(region.Start, region.End, IsHuge(region)))
                {
                    yield return stretch;
                }

                done = region.End;
            }

            if (includeEmpty && walkEnd > done)
            {
                foreach (PageMapStretch stretch in ReadWords(done, walkEnd))
                {
                    yield return stretch;
                }
            }

            at = walkEnd;
        }
    }

    /// <summary>Fills the regions with what is populated. Returns how many there are, and how far they go.</summary>
    private int Scan(ulong at, ulong end, ulong maxPages, out ulong walkEnd)
    {
        cancellation.ThrowIfCancellationRequested();
        Errno errno = PageMapScan.TryFindPopulated(
            process.PageMap, at, end, _regions, out int count, out walkEnd, maxPages);
        if (errno == Errno.ENOTTY)
        {
            _canScan = false;
            return NoScan(at, end, out walkEnd);
        }

        if (errno != Errno.None)
        {
            throw process.Failure(Operation.ReadPageMap, errno, $"the pages from 0x{at:x} on cannot be scanned", at);
        }

        return walkEnd > at ? count : throw EndedEarly(at);
    }

    /// <summary>Without the scan, anything may be populated.</summary>
    private int NoScan(ulong at, ulong end, out ulong walkEnd)
    {
        _regions[0] = new PageRegion { Start = at, End = end };
        walkEnd = end;
        return 1;
    }

    /// <summary>The next region, with those of its kind that lie close behind it.</summary>
    private PageRegion NextRegion(ref int index, int count)
    {
        PageRegion region = _regions[index++];
        while (index < count && _regions[index].Categories == region.Categories
            && _regions[index].Start - region.End <= BridgedPages * MachinePage.SizeBytes)
        {
            region.End = _regions[index++].End;
        }

        return region;
    }

    private IEnumerable<PageMapStretch> ReadWords(ulong start, ulong end, bool? isHuge = null)
    {
        for (ulong at = start; at < end;)
        {
            cancellation.ThrowIfCancellationRequested();
            int pages = (int)Math.Min((end - at) / MachinePage.SizeBytes, BatchPages);
            _words = _words.Length < pages ? new ulong[pages] : _words;
            Errno errno = Libc.TryPRead(process.PageMap, MemoryMarshal.AsBytes(_words.AsSpan(0, pages)),
                at / MachinePage.SizeBytes * sizeof(ulong), out int read);
            if (errno != Errno.None)
            {
                throw process.Failure(Operation.ReadPageMap, errno, $"the pages from 0x{at:x} on cannot be read", at);
            }

            read /= sizeof(ulong);
            yield return read > 0 ? new PageMapStretch(at, _words.AsMemory(0, read), isHuge) : throw EndedEarly(at);
            at += (ulong)read * MachinePage.SizeBytes;
        }
    }

    /// <summary>An end of file where pages are mapped: the process exited, or replaced its memory by exec.</summary>
    private MemProcException EndedEarly(ulong address) => process.Failure(
        Operation.ReadPageMap, Errno.EFAULT, $"has no page table at 0x{address:x} (any more)", address);

    /// <summary>The exception that says why nothing can be found by frame number.</summary>
    internal static MemProcException Hidden() => new(Operation.ReadPageMap, Errno.EPERM,
        "The kernel hides frame numbers from this user, so no page can be found by them: it takes CAP_SYS_ADMIN "
        + "(run as root).");
}

using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Tests.Interop;

/// <summary>Tests PAGEMAP_SCAN on a live process.</summary>
public sealed class PageMapScanTests
{
    private const ulong Length = 1UL << 36;

    [Fact]
    public void It_finds_the_touched_pages_and_no_others()
    {
        using TargetProcess target = TargetProcess.Start();
        TargetReply reserve = target.Ask($"reserve {Length} 100");
        ulong start = reserve.Address("address"), stride = reserve.Number("stride");
        using SafeFileHandle pagemap = Libc.OpenAt(null, $"/proc/{target.ProcessId}/pagemap");

        PageRegion[] regions = new PageRegion[200];
        Errno errno = PageMapScan.TryFindPopulated(
            pagemap, start, start + Length, regions, out int count, out ulong end);
        Requires.Request(errno, "PAGEMAP_SCAN (Linux 6.7)");
        Assert.Equal(Errno.None, errno);
        Assert.Equal(start + Length, end);
        Assert.Equal(Touched(start, stride), Pages(regions.AsSpan(0, count)));
    }

    [Fact]
    public void It_continues_when_the_buffer_was_full()
    {
        using TargetProcess target = TargetProcess.Start();
        TargetReply reserve = target.Ask($"reserve {Length} 100");
        ulong start = reserve.Address("address"), stride = reserve.Number("stride");
        using SafeFileHandle pagemap = Libc.OpenAt(null, $"/proc/{target.ProcessId}/pagemap");

        PageRegion[] regions = new PageRegion[7];
        List<ulong> pages = [];
        int calls = 0;
        for (ulong next = start; next < start + Length; calls++)
        {
            Errno errno = PageMapScan.TryFindPopulated(
                pagemap, next, start + Length, regions, out int count, out ulong end);
            Requires.Request(errno, "PAGEMAP_SCAN (Linux 6.7)");
            Assert.Equal(Errno.None, errno);
            Assert.True(end > next);
            pages.AddRange(Pages(regions.AsSpan(0, count)));
            next = end;
        }

        Assert.Equal(Touched(start, stride), pages);
        Assert.True(calls >= 100 / 7);
    }

    [Fact]
    public void Adjacent_pages_are_one_run()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong start = target.Ask($"map {16 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {start + (2 * Page.Size)} 3");
        target.Ask($"touch {start + (9 * Page.Size)} 1");
        using SafeFileHandle pagemap = Libc.OpenAt(null, $"/proc/{target.ProcessId}/pagemap");

        PageRegion[] regions = new PageRegion[16];
        Errno errno = PageMapScan.TryFindPopulated(
            pagemap, start, start + (16 * Page.Size), regions, out int count, out _);
        Requires.Request(errno, "PAGEMAP_SCAN (Linux 6.7)");
        Assert.Equal(Errno.None, errno);
        Assert.Equal(
            [(start + (2 * Page.Size), start + (5 * Page.Size)), (start + (9 * Page.Size), start + (10 * Page.Size))],
            regions.Take(count).Select(region => (region.Start, region.End)));
    }

    [Fact]
    public void It_stops_at_the_page_limit()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong start = target.Ask($"reserve {16 * Page.Size} 16").Address("address");
        using SafeFileHandle pagemap = Libc.OpenAt(null, $"/proc/{target.ProcessId}/pagemap");

        PageRegion[] regions = new PageRegion[16];
        Errno errno = PageMapScan.TryFindPopulated(
            pagemap, start, start + (16 * Page.Size), regions, out int count, out ulong end, maxPages: 5);
        Requires.Request(errno, "PAGEMAP_SCAN (Linux 6.7)");
        Assert.Equal(Errno.None, errno);
        Assert.Equal((1, start, start + (5 * Page.Size)), (count, regions[0].Start, regions[0].End));
        Assert.Equal(start + (5 * Page.Size), end);
    }

    [Fact]
    public void An_invalid_range_is_rejected()
    {
        using SafeFileHandle pagemap = Libc.OpenAt(null, "/proc/self/pagemap");
        PageRegion[] regions = new PageRegion[1];
        Errno errno = PageMapScan.TryFindPopulated(pagemap, 1, Page.Size, regions, out int count, out _);
        Requires.Request(errno, "PAGEMAP_SCAN (Linux 6.7)");
        Assert.Equal(Errno.EINVAL, errno);
        Assert.True(count <= 0);
    }

    private static IEnumerable<ulong> Touched(ulong start, ulong stride) =>
        Enumerable.Range(0, 100).Select(page => start + ((ulong)page * stride));

    private static List<ulong> Pages(ReadOnlySpan<PageRegion> regions)
    {
        List<ulong> pages = [];
        foreach (PageRegion region in regions)
        {
            for (ulong page = region.Start; page < region.End; page += Page.Size)
            {
                pages.Add(page);
            }
        }

        return pages;
    }
}

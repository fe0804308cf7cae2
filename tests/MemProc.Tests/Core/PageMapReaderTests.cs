using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests that each page in use is found once and in order, for any distribution.</summary>
public sealed class PageMapReaderTests
{
    private const ulong Pages = 24_000;

    /// <summary>First page and number of pages in use: alone, close together, far apart, and more than one read holds.</summary>
    private static readonly (ulong First, ulong Count)[] InUse =
    [
        (300, 1), (302, 1), (500, 700), (1400, 1), (1600, 1), (4000, 9500), (13_700, 200), (20_000, 3000),
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Pages_in_use_are_found_between_pages_that_are_not(bool detectHuge)
    {
        using TargetProcess target = TargetProcess.Start();
        ulong start = Used(target);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageMapReader reader = new(process) { DetectHuge = detectHuge };
        Assert.Equal(Expected(start), Populated(reader.ReadPopulated(start, start + Pages * Page.Size)));
    }

    [Fact]
    public void A_range_may_begin_and_end_within_what_is_in_use()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong start = Used(target);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ulong from = start + 600 * Page.Size, to = start + 21_000 * Page.Size;
        Assert.Equal(
            Expected(start).Where(address => address >= from && address < to),
            Populated(new PageMapReader(process).ReadPopulated(from, to)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void All_pages_are_returned_on_request(bool detectHuge)
    {
        using TargetProcess target = TargetProcess.Start();
        ulong start = Used(target), end = start + Pages * Page.Size;
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ulong next = start;
        foreach (PageMapRange range in new PageMapReader(process) { DetectHuge = detectHuge }.ReadAll(start, end))
        {
            Assert.Equal(next, range.Address);
            next += (ulong)range.Entries.Length * Page.Size;
        }

        Assert.Equal(end, next);
    }

    [Fact]
    public void Large_unused_ranges_are_not_read()
    {
        using TargetProcess target = TargetProcess.Start();
        TargetReply reserve = target.Ask($"reserve {1UL << 36} 100");
        ulong start = reserve.Address("address"), stride = reserve.Number("stride");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Requires.Request(
            PageMapScan.TryFindPopulated(
                process.OpenFile("pagemap", Operation.ReadPageMap), start, start + Page.Size, new PageRegion[1], out _, out _),
            "PAGEMAP_SCAN (Linux 6.7)");
        PageMapRange[] ranges = [.. new PageMapReader(process).ReadPopulated(start, start + (1UL << 36))];
        Assert.InRange(ranges.Sum(range => range.Entries.Length), 100, 1000);
        Assert.Equal(
            Enumerable.Range(0, 100).Select(page => start + (ulong)page * stride),
            ranges.Select(range => range.Address).Order().Distinct().Where(address => (address - start) % stride == 0));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3000)]
    public void A_reservation_that_is_scanned_in_parts_is_found_whole(int alone)
    {
        const ulong Length = 128UL << 30, Stride = 200;
        using TargetProcess target = TargetProcess.Start();
        ulong start = target.Ask($"reserve {Length} 0").Address("address");
        // Across the ends of parts, for two processors and for four; and more in the first part than one scan finds.
        ulong[] ends = [start + Length / 4, start + Length / 2, start + Length / 4 * 3];
        Array.ForEach(ends, end => target.Ask($"touch {end - Page.Size} 2"));
        ulong first = start + (1UL << 30);
        if (alone > 0)
        {
            target.Ask($"touch {first} {alone} {Stride}");
        }

        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.Equal(
            [
                .. Enumerable.Range(0, alone).Select(page => first + (ulong)page * Stride * Page.Size),
                .. ends.SelectMany(end => (ulong[])[end - Page.Size, end]),
            ],
            Populated(new PageMapReader(process).ReadPopulated(start, start + Length)));
    }

    [Fact]
    public void Without_PAGEMAP_SCAN_entries_are_read_one_by_one()
    {
        using SimulatedProcess simulated = new();
        ulong start = 16 * Page.Size;
        ulong[] words = new ulong[20_000];
        ulong[] used = [0, 5000, 5001, 19_999];
        Array.ForEach(used, page => words[page] = 1UL << 63 | page + 1);
        simulated.WritePageMap(start, words);
        using LinuxProcess process = simulated.Open();
        Assert.Equal(
            used.Select(page => start + page * Page.Size),
            Populated(new PageMapReader(process).ReadPopulated(start, start + 20_000 * Page.Size)));
    }

    [Theory]
    [InlineData(0, 1, false)]
    [InlineData(512, 1, null)]
    [InlineData(512, -1, false)]
    [InlineData(513, 1, false)]
    public void Without_a_scan_frame_positions_exclude_huge_pages(
        int offset, int step, bool? isHuge)
    {
        using SimulatedProcess simulated = new();
        const long First = 16 * 512;
        ulong start = 512 * Page.Size;
        // The entries of a huge page with the change of this case, then pages that are not part of a huge page.
        ulong[] words = [.. Enumerable.Range(0, 1024).Select(page =>
            1UL << 63 | (ulong)(page < 512 && offset > 0 ? First + offset + step * page : First * 9 - page))];
        simulated.WritePageMap(start, words);
        using LinuxProcess process = simulated.Open();
        PageMapRange[] ranges =
            [.. new PageMapReader(process) { DetectHuge = true }.ReadPopulated(start, start + 1024 * Page.Size)];
        Assert.Equal(1024, ranges.Sum(range => range.Entries.Length));
        Assert.Contains(ranges, range => range.Address <= start + 511 * Page.Size && range.IsHuge == isHuge);
    }

    private static ulong Used(TargetProcess target)
    {
        ulong start = target.Ask($"reserve {Pages * Page.Size} 0").Address("address");
        foreach ((ulong first, ulong count) in InUse)
        {
            target.Ask($"touch {start + first * Page.Size} {count}");
        }

        return start;
    }

    private static IEnumerable<ulong> Expected(ulong start) =>
        from run in InUse
        from page in Enumerable.Range((int)run.First, (int)run.Count)
        select start + (ulong)page * Page.Size;

    private static List<ulong> Populated(IEnumerable<PageMapRange> ranges)
    {
        List<ulong> addresses = [];
        foreach (PageMapRange range in ranges)
        {
            for (int index = 0; index < range.Entries.Length; index++)
            {
                if (new RawPageMapEntry(range.Entries.Span[index]).IsPopulated)
                {
                    addresses.Add(range.Address + (ulong)index * Page.Size);
                }
            }
        }

        return addresses;
    }
}

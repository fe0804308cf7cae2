using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests folios of processes: recorded ones, and live ones against an independent walk.</summary>
public sealed class PageFolioMeterTests
{
    private const ulong Anonymous = 1 << 12, SwapBacked = 1 << 14, Head = 1 << 15, Tail = 1 << 16, Huge = 1 << 17,
        Zero = 1 << 24, Present = 1UL << 63, FilePage = 1UL << 61;

    private const int HugePage = 14;

    [Fact]
    public void Folios_are_told_apart_by_size_and_mapping()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", """
            10000-40000 rw-p 00000000 00:00 0
            40000-60000 r--p 00000000 fe:00 9                        /usr/lib/x

            """);
        // Frames 16 to 19, 32 to 35 and 48 to 55 are folios; 64 is a page.
        simulated.WriteFrames("kpageflags", 0, new ulong[16]);
        simulated.WriteFrames("kpageflags", 16, Head | Anonymous, Tail | Anonymous, Tail | Anonymous, Tail | Anonymous);
        simulated.WriteFrames("kpageflags", 32, Head, Tail, Tail, Tail);
        simulated.WriteFrames("kpageflags", 48, [Head | Anonymous, .. Enumerable.Repeat(Tail | Anonymous, 7)]);
        simulated.WriteFrames("kpageflags", 64, SwapBacked, Zero);
        // Aligned, then not aligned; a part of the front, and parts that are not consecutive; pages.
        simulated.WritePageMap(0x10000, Frames(16, 4));
        simulated.WritePageMap(0x15000, Frames(16, 4));
        simulated.WritePageMap(0x20000, Frames(48, 3));
        simulated.WritePageMap(0x24000, [.. Frames(50, 2), .. Frames(55, 1), .. Frames(64, 2)]);
        simulated.WritePageMap(0x40000, [.. Frames(32, 4, FilePage), .. Frames(1000, 1, FilePage)]);
        simulated.WritePageMap(0x5f000, 0);
        using LinuxProcess process = simulated.Open();
        using FrameTables tables = new(FrameAttributes.Flags, simulated.Files);
        PageFolioMeter meter = new(process, tables);
        Assert.Equal(
            [
                (FolioKind.Anonymous, 32UL, FolioMapping.Partial, 3UL, 6UL),
                (FolioKind.Anonymous, 16, FolioMapping.Aligned, 1, 4),
                (FolioKind.Anonymous, 16, FolioMapping.Unaligned, 1, 4),
                (FolioKind.File, 16, FolioMapping.Aligned, 1, 4),
                (FolioKind.SharedMemory, 4, FolioMapping.Aligned, 1, 1),
                (FolioKind.ZeroPage, 4, FolioMapping.Aligned, 1, 1),
                (FolioKind.Other, 4, FolioMapping.Aligned, 1, 1),
            ],
            meter.Measure(AddressRange.All, new MapFilter(), byMap: false).Select(Values));
        Assert.Equal([(0x10000UL, 5UL), (0x40000, 2)], meter.Measure(AddressRange.All, new MapFilter(), byMap: true)
            .GroupBy(folios => folios.Start!.Value).Select(map => (map.Key, (ulong)map.Count())));
    }

    [Fact]
    public void Kernels_without_a_scan_leave_open_whether_one_entry_maps_a_folio()
    {
        Assert.SkipUnless(Page.Size == 4096, "needs pages of 4 KiB");
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "200000-800000 rw-p 00000000 00:00 0\n");
        simulated.WriteFrames("kpageflags", 0, new ulong[512]);
        simulated.WriteFrames("kpageflags", 512, [Head | Anonymous, .. Enumerable.Repeat(Tail | Anonymous, 511)]);
        simulated.WriteFrames("kpageflags", 1024, [Head | Huge, .. Enumerable.Repeat(Tail | Huge, 511)]);
        simulated.WritePageMap(0x200000, Frames(512, 512));
        simulated.WritePageMap(0x400000, Frames(1024, 512));
        simulated.WritePageMap(0x7ff000, 0);
        using LinuxProcess process = simulated.Open();
        using FrameTables tables = new(FrameAttributes.Flags, simulated.Files);
        Assert.Equal(
            [
                (FolioKind.Anonymous, 2048UL, FolioMapping.PmdOrAligned, 1UL, 512UL),
                (FolioKind.HugePages, 2048, FolioMapping.Pmd, 1, 512),
            ],
            new PageFolioMeter(process, tables).Measure(AddressRange.All, new MapFilter(), byMap: false).Select(Values));
    }

    [Fact]
    public void Huge_pages_of_a_process_are_found_in_each_state()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        const ulong Size = 2UL << 20;
        Assert.SkipUnless(Page.Size == 4096, "needs pages of 4 KiB");
        ulong memory = target.Ask($"map {5 * Size} rw- private").Address("address");
        ulong first = (memory + Size - 1) / Size * Size;
        target.Ask($"advise {first} {4 * Size} {HugePage}");
        target.Ask($"touch {first} {4 * Size / Page.Size}");
        // The kernel's daemon would make a huge page of the third again.
        target.Ask($"advise {first} {4 * Size} {(int)MemoryAdvice.NoHugePage}");
        // The second loses pages, the third is mapped by an entry for each page.
        target.Ask($"unmap {first + Size} {3 * Page.Size}");
        target.Ask($"protect {first + 2 * Size} {Page.Size} r--");
        target.Ask($"protect {first + 2 * Size} {Page.Size} rw-");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ulong huge = MapReader.ReadDetailed(process).Where(map => map.Start < first + 4 * Size && map.End > first)
            .Aggregate(0UL, (sum, map) => sum + (map.AnonHugePagesBytes ?? 0));
        Assert.SkipUnless(huge == 2 * Size, $"needs transparent huge pages: {huge} bytes are mapped by huge entries");
        using FrameTables tables = new(FrameAttributes.Flags);
        PageFolioSummary[] folios = [.. new PageFolioMeter(process, tables)
            .Measure(new AddressRange(first, first + 4 * Size), new MapFilter(), byMap: false)];
        (FolioKind, ulong, FolioMapping, ulong, ulong)[] expected =
        [
            (FolioKind.Anonymous, 2048, FolioMapping.Aligned, 1, 512),
            (FolioKind.Anonymous, 2048, FolioMapping.Partial, 1, 509),
        ];
        PageFolioSummary[] whole = [.. folios.Where(sum => sum.Mapping == FolioMapping.Pmd)];
        if (PageMapScan.TryFindPresent(OpenPageMap(), 0, 4096, new PageRegion[1], out _, out _) != Errno.ENOTTY)
        {
            Assert.Equal((FolioKind.Anonymous, 2048UL, FolioMapping.Pmd, 2UL, 1024UL), Values(Assert.Single(whole)));
            Assert.Equal(expected, folios.Except(whole).Select(Values));
        }
    }

    [Fact]
    public void Sizes_add_up_to_the_resident_memory_and_to_an_independent_walk()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        target.Ask("seed");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using SuspendedProcess stopped = SuspendedProcess.Begin(process);
        using FrameTables tables = new(FrameAttributes.Flags);
        PageFolioSummary[] folios = [.. new PageFolioMeter(process, tables).Measure(AddressRange.All, new MapFilter(), byMap: false)];
        Assert.Equal(Walk(process, tables), folios.Where(sum => sum.FolioSizeBytes > Page.Size && sum.Mapping != FolioMapping.Partial)
            .Aggregate(0UL, (sum, folio) => sum + folio.PageCount));
        ulong expected = MapReader.ReadDetailed(process).Aggregate(0UL, (sum, map) => sum + (map.RssBytes ?? 0));
        Assert.Equal(expected, folios.Where(sum => sum.Kind is not FolioKind.ZeroPage)
            .Aggregate(0UL, (sum, folio) => sum + folio.SizeBytes));
    }

    /// <summary>Counts the pages of completely mapped large folios from page entries with flags.</summary>
    private static ulong Walk(LinuxProcess process, FrameTables tables)
    {
        ulong pages = 0;
        ulong run = 0;
        PageMapEntry? last = null;
        foreach (PageMapEntry page in new PageMapWalk(process) { Frames = tables, Filter = new PageFilter { IsPresent = true } }.All())
        {
            bool isTail = (page.RawFlags & Tail) != 0;
            bool continues = isTail && run > 0 && page.Pfn == last!.Pfn + 1 && page.Address == last.Address + Page.Size
                && page.IsOfSameMapping(last);
            if (!continues)
            {
                pages += Whole(last, run, tables);
                run = (page.RawFlags & Head) != 0 ? 1u : 0u;
            }
            else
            {
                run++;
            }

            last = page;
        }

        return pages + Whole(last, run, tables);
    }

    private static ulong Whole(PageMapEntry? last, ulong run, FrameTables tables) =>
        run > 0 && (tables.Read([last!.Pfn!.Value + 1], raw: false)[0]?.RawFlags & Tail) is null or 0 ? run : 0;

    private static Microsoft.Win32.SafeHandles.SafeFileHandle OpenPageMap() => File.OpenHandle("/proc/self/pagemap");

    private static ulong[] Frames(ulong first, int count, ulong flags = 0) =>
        [.. Enumerable.Range(0, count).Select(index => Present | flags | (first + (ulong)index))];

    private static (FolioKind Kind, ulong Kibibytes, FolioMapping Mapping, ulong Folios, ulong Pages) Values(PageFolioSummary sum) =>
        (sum.Kind, sum.FolioSizeBytes * 4096 / Page.Size / 1024, sum.Mapping, sum.FolioCount, sum.PageCount);
}

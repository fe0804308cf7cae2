namespace MemProc.Tests;

/// <summary>Tests filters of pages and frames, on recorded entries.</summary>
public sealed class PageFilterTests
{
    private const ulong Present = 1UL << 63, Swapped = 1UL << 62, File = 1UL << 61, Guard = 1UL << 58,
        Exclusive = 1UL << 56, SoftDirty = 1UL << 55;

    public static TheoryData<string, int[]> Filters => new()
    {
        { "present", [0, 1, 2, 5] },
        { "swapped", [3, 6] },
        { "file", [1, 6] },
        { "anonymous", [0, 2, 3, 5] },
        { "guard", [4] },
        { "exclusive", [0, 5] },
        { "softdirty", [5] },
        { "present+exclusive", [0, 5] },
        { "present+swapped", [] },
    };

    [Theory]
    [MemberData(nameof(Filters))]
    public void Pages_are_filtered_by_their_pagemap_entries(string asked, int[] expected)
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-408000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, Present | Exclusive | 1, Present | File | 2, Present | 3, Swapped | 4,
            Swapped | Guard | 0x9f, Present | Exclusive | SoftDirty | 5, Swapped | File | 7, 0);
        using LinuxProcess process = simulated.Open();
        string[] words = asked.Split('+');
        PageMapWalk walk = new(process)
        {
            Filter = new PageFilter
            {
                IsPresent = words.Contains("present"),
                IsSwapped = words.Contains("swapped"),
                IsFile = words.Contains("file"),
                IsAnonymous = words.Contains("anonymous"),
                IsGuard = words.Contains("guard"),
                IsExclusive = words.Contains("exclusive"),
                IsSoftDirty = words.Contains("softdirty"),
            },
        };
        Assert.Equal(expected, walk.All().Select(page => (int)((page.Address - 0x400000) / 0x1000)));
    }

    [Theory]
    [InlineData("dirty", null, null, null, new[] { 1, 3 })]
    [InlineData("dirty,lru", null, null, null, new[] { 3 })]
    [InlineData(null, "dirty,lru", null, null, new[] { 1, 2, 3 })]
    [InlineData("lru", null, "dirty", null, new[] { 2 })]
    [InlineData(null, null, null, "dirty,lru", new[] { 3 })]
    [InlineData(null, null, null, "", new[] { 0 })]
    [InlineData("BIT30", null, null, null, new[] { 4 })]
    public void The_four_filter_forms_of_page_types_accept_flag_names(
        string? all, string? any, string? none, string? exact, int[] expected)
    {
        using SimulatedProcess simulated = new();
        simulated.WriteFrames("kpageflags", 0, 0, 1UL << 4, 1UL << 5, 1UL << 4 | 1UL << 5, 1UL << 30);
        simulated.WriteFrames("kpagecount", 0, new ulong[5]);
        using FrameTables tables = new(files: simulated.Files);
        FrameFilter filter = new() { Flags = FlagFilter.Create(Names(all), Names(any), Names(none), Names(exact)) };
        Assert.Equal(expected, new FrameWalk(tables, raw: false, filter).Range(new(0, 5)).Select(frame => (int)frame.Pfn));

        static string[]? Names(string? text) => text?.Split(',', StringSplitOptions.RemoveEmptyEntries);
    }

    [Fact]
    public void An_unknown_flag_is_rejected_with_a_list_of_valid_flags()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => FlagFilter.Create(["dirtyy"], null, null, null));
        Assert.Contains("uptodate", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => FlagFilter.Create(null, ["bit64"], null, null));
        Assert.Null(FlagFilter.Create(null, null, null, null));
    }

    [Fact]
    public void Frames_are_filled_in_the_same_pass()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-404000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, Present | 3, Swapped | 3, Present | File | 1, Present | 2);
        simulated.WriteFrames("kpageflags", 0, 0, 1UL << 5, 1UL << 4, 1UL << 12 | 1UL << 34);
        simulated.WriteFrames("kpagecount", 0, 0, 1, 2, 3);
        simulated.WriteFrames("kpagecgroup", 0, 0, 10, 20, 30);
        using FrameTables tables = new(files: simulated.Files);
        using LinuxProcess process = simulated.Open();
        PageMapEntry[] pages = [.. new PageMapWalk(process) { Frames = tables, RawFlags = true }.All()];
        Assert.Equal([3UL, null, 1UL, 2UL], pages.Select(page => page.MapCount));
        Assert.Equal([30UL, null, 10UL, 20UL], pages.Select(page => page.CgroupInode));
        Assert.Equal(["anonymous", "anon_exclusive"], pages[0].Flags!);
        Assert.Null(pages[1].Flags);
        Assert.Equal(["lru", "file"], pages[2].Flags!);
        Assert.Equal(1UL << 4, pages[3].RawFlags);

        PageMapWalk filtered = new(process)
        {
            Frames = tables,
            Filter = new PageFilter { Frame = new FrameFilter { Flags = FlagFilter.Create(["dirty"], null, null, null) } },
        };
        Assert.Equal(0x403000UL, Assert.Single(filtered.All()).Address);
        filtered = new(process) { Frames = tables, Filter = new PageFilter { Frame = new FrameFilter { CgroupInode = 10 } } };
        Assert.Equal(0x402000UL, Assert.Single(filtered.All()).Address);
    }

    [Fact]
    public void A_transparent_huge_page_is_one_run_with_its_size()
    {
        Requires.Root();
        const string Setting = "/sys/kernel/mm/transparent_hugepage/enabled";
        Assert.SkipUnless(System.IO.File.Exists(Setting) && !System.IO.File.ReadAllText(Setting).Contains("[never]", StringComparison.Ordinal),
            "needs transparent huge pages");
        const ulong Huge = 2 << 20;
        const int AdviseHuge = 14;
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {4 * Huge} rw- private").Address("address");
        ulong first = (address + Huge - 1) & ~(Huge - 1);
        target.Ask($"advise {address} {4 * Huge} {AdviseHuge}");
        target.Ask($"touch {first} 1");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageMapEntry run = new PageMapWalk(process) { JoinRuns = true }.Range(address, 4 * Huge).First();
        Assert.SkipWhen(run.PageCount == 1, "the kernel had no huge page to give");
        Assert.SkipWhen(run.IsHuge is null, "needs PAGEMAP_SCAN (Linux 6.7)");
        Assert.Equal((first, Huge / Page.Size, (ulong?)Huge, (bool?)true),
            (run.Address, run.PageCount, run.PageSizeBytes, run.IsHuge));
        Assert.Equal(512, new PageMapWalk(process) { Filter = new PageFilter { IsHuge = true } }.Range(address, 4 * Huge).Count());
    }

    [Fact]
    public void A_hugetlb_page_is_one_run_with_its_size()
    {
        using HugeTlb huge = HugeTlb.Reserve();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"file 0 {HugeTlb.PageBytes} rw- shared {huge.FilePath}").Address("address");
        target.Ask($"touch {address} 1");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.Equal(ProcMapKind.HugePages, MapReader.Find(process, address)!.Kind);
        PageMapEntry run = Assert.Single(
            new PageMapWalk(process) { JoinRuns = true }.Range(address, HugeTlb.PageBytes));
        Assert.SkipWhen(run.IsHuge is null, "needs PAGEMAP_SCAN (Linux 6.7)");
        Assert.Equal((HugeTlb.PageBytes / Page.Size, (ulong?)HugeTlb.PageBytes), (run.PageCount, run.PageSizeBytes));
        using FrameTables tables = new();
        Assert.Contains("huge", tables.Read([run.Pfn!.Value], raw: false)[0]!.Flags);
    }

    [Theory]
    [InlineData("0xc963", 0xc963UL, 1UL)]
    [InlineData("c963", 0xc963UL, 1UL)]
    [InlineData("10..0x1f", 10UL, 22UL)]
    [InlineData("7..7", 7UL, 1UL)]
    public void Frame_ranges_are_parsed(string text, ulong first, ulong count) =>
        Assert.Equal(new PfnRange(first, count), PfnRange.Parse(text));

    [Theory]
    [InlineData("9..8")]
    [InlineData("1..2..3")]
    [InlineData("..")]
    [InlineData("c963zz")]
    [InlineData("0..0xffffffffffffffff")]
    public void Invalid_ranges_are_rejected(string text) => Assert.Throws<FormatException>(() => PfnRange.Parse(text));
}

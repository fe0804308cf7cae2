namespace MemProc.Tests;

/// <summary>Tests frame tables: live ones, and recorded ones for what this machine does not have.</summary>
public sealed class FrameTablesTests
{
    [Fact]
    public void A_touched_page_is_anonymous_and_mapped_once()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ulong pfn = new PageMapWalk(process).At(address).Single().Pfn!.Value;
        using FrameTables tables = new();
        PageFlags flags = tables.Read([pfn], raw: false)[0]!;
        Assert.Equal(pfn, flags.Pfn);
        Assert.Contains("anonymous", flags.Flags);
        Assert.Contains("mmap", flags.Flags);
        Assert.Equal(1UL, flags.MapCount);
        Assert.Equal('M', flags.Symbol[11]);
        Assert.Equal('a', flags.Symbol[12]);
    }

    [Fact]
    public void Results_are_in_request_order_when_reads_are_combined()
    {
        using SimulatedProcess simulated = new();
        ulong[] words = [.. Enumerable.Range(0, 5000).Select(index => (ulong)index * 7)];
        simulated.WriteFrames("kpageflags", 0, words);
        simulated.WriteFrames("kpagecount", 0, [.. words.Select(word => word + 1)]);
        simulated.WriteFrames("kpagecgroup", 0, [.. words.Select(word => word + 2)]);
        using FrameTables tables = new(files: simulated.Files);
        Random random = new(1);
        ulong[] pfns = [.. Enumerable.Range(0, 3000).Select(_ => (ulong)random.Next(0, 5000))];
        PageFlags?[] flags = tables.Read(pfns, raw: true);
        Assert.Equal(pfns, flags.Select(one => one!.Pfn));
        Assert.Equal(pfns.Select(pfn => (pfn * 7, (ulong?)(pfn * 7 + 1), (ulong?)(pfn * 7 + 2))),
            flags.Select(one => (one!.RawFlags, one.MapCount, one.CgroupInode)));
    }

    [Fact]
    public void Frames_after_the_last_one_have_no_result()
    {
        using SimulatedProcess simulated = new();
        simulated.WriteFrames("kpageflags", 0, 1, 2, 4);
        simulated.WriteFrames("kpagecount", 0, 1, 1, 1);
        using FrameTables tables = new(files: simulated.Files);
        PageFlags?[] flags = tables.Read([3, 2, ulong.MaxValue, 1UL << 60, 1UL << 61, 0], raw: false);
        Assert.Equal([null, 4UL, null, null, null, 1UL], flags.Select(one => one?.RawFlags));
        // A kernel without memory cgroups has no kpagecgroup.
        Assert.Null(flags[1]!.CgroupInode);
    }

    [Fact]
    public void A_range_is_read_up_to_the_last_frame()
    {
        using SimulatedProcess simulated = new();
        simulated.WriteFrames("kpageflags", 0, [.. Enumerable.Range(0, 3000).Select(index => (ulong)index)]);
        simulated.WriteFrames("kpagecount", 0, new ulong[3000]);
        using FrameTables tables = new(files: simulated.Files);
        Assert.Equal(Enumerable.Range(5, 2500).Select(index => (ulong)index),
            new FrameWalk(tables, raw: true).Range(new(5, 2500)).Select(frame => frame.RawFlags));
        List<ulong> seen = [];
        MemProcException error = Assert.Throws<MemProcException>(() =>
        {
            foreach (PageFlags frame in new FrameWalk(tables, raw: true).Range(new(2990, ulong.MaxValue)))
            {
                seen.Add(frame.Pfn);
            }
        });
        Assert.Equal("ReadPageFlags,EINVAL", error.ErrorId);
        Assert.Equal(3000UL, error.Target);
        Assert.Equal(10, seen.Count);
    }

    [Fact]
    public void Kernel_internal_flags_are_shown_on_request()
    {
        using SimulatedProcess simulated = new();
        // uptodate, lru, mmap, anonymous, swapbacked, compound_tail, thp, owner_2, and a bit without a name.
        simulated.WriteFrames("kpageflags", 9, 1UL << 3 | 1UL << 5 | 1UL << 11 | 1UL << 12 | 1UL << 14 | 1UL << 16
            | 1UL << 22 | 1UL << 34 | 1UL << 30);
        simulated.WriteFrames("kpagecount", 9, 3);
        using FrameTables tables = new(files: simulated.Files);
        PageFlags shown = tables.Read([9], raw: false)[0]!;
        Assert.Equal(["uptodate", "lru", "mmap", "anonymous", "swapbacked", "thp", "bit30"], shown.Flags);
        PageFlags raw = tables.Read([9], raw: true)[0]!;
        Assert.Equal(
            ["uptodate", "lru", "mmap", "anonymous", "swapbacked", "compound_tail", "thp", "bit30", "anon_exclusive"],
            raw.Flags);
        Assert.EndsWith("+30", raw.Symbol, StringComparison.Ordinal);
        Assert.Equal(shown.RawFlags, raw.RawFlags);
    }

    [Fact]
    public void Missing_tables_are_named()
    {
        using SimulatedProcess simulated = new();
        MemProcException error = Assert.Throws<MemProcException>(() => new FrameTables(files: simulated.Files));
        Assert.Equal("ReadPageFlags,ENOENT", error.ErrorId);
        Assert.Contains("CONFIG_PROC_PAGE_MONITOR", error.Message, StringComparison.Ordinal);
    }
}

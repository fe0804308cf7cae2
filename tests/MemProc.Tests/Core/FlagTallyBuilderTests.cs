namespace MemProc.Tests;

/// <summary>Tests the count of frames by flags.</summary>
public sealed class FlagTallyBuilderTests
{
    private const ulong Present = 1UL << 63, Swapped = 1UL << 62;

    [Fact]
    public void Ranges_are_counted_completely_for_any_block_size()
    {
        const int Frames = 300_000;
        using SimulatedProcess simulated = new();
        Random random = new(1);
        ulong[] words = [.. Enumerable.Range(0, Frames).Select(_ => 1UL << random.Next(0, 6))];
        simulated.WriteFrames("kpageflags", 0, words);
        using FrameTables tables = new(FrameAttributes.Flags, simulated.Files);
        Assert.Equal((ulong)Frames, tables.End);
        FlagTallyBuilder count = new(tables, raw: false, new PageFilter());
        MemProcException error = Assert.Throws<MemProcException>(() => count.AddRange(new PfnRange(5, ulong.MaxValue)));
        Assert.Equal("ReadPageFlags,EINVAL", error.ErrorId);
        Assert.Equal(
            words[5..].GroupBy(word => word).Select(group => (group.Key, (ulong)group.Count())).OrderBy(pair => pair.Key),
            count.Counts.Summaries.Select(summary => (summary.FlagSet, summary.PageCount)).OrderBy(pair => pair.FlagSet));
    }

    [Fact]
    public void Frames_of_one_cgroup_are_counted_separately()
    {
        using SimulatedProcess simulated = new();
        simulated.WriteFrames("kpageflags", 0, 1, 2, 1, 1);
        simulated.WriteFrames("kpagecgroup", 0, 7, 7, 8, 7);
        using FrameTables tables = new(FrameAttributes.Flags | FrameAttributes.Cgroup, simulated.Files);
        FlagTallyBuilder count = new(tables, raw: false, new PageFilter { Frame = new FrameFilter { CgroupInode = 7 } });
        count.AddRange(new PfnRange(0, 4));
        Assert.Equal([(1UL, 2UL), (2UL, 1UL)],
            count.Counts.Summaries.Select(summary => (summary.FlagSet, summary.PageCount)));
    }

    [Fact]
    public void Pages_of_a_process_are_counted_and_swapped_pages_separately()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-406000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, Present | 2, Present | 1, Swapped | 64, Present | 2, 0, Present | 1);
        simulated.WriteFrames("kpageflags", 0, 0, 1UL << 5, 1UL << 5 | 1UL << 4);
        using FrameTables tables = new(FrameAttributes.Flags, simulated.Files);
        using LinuxProcess process = simulated.Open();
        FlagTallyBuilder count = new(tables, raw: false, new PageFilter());
        count.AddProcess(process);
        Assert.Equal([(1UL << 5, 2UL, false), (1UL << 5 | 1UL << 4, 2UL, false), (0UL, 1UL, true)],
            count.Counts.Summaries.Select(summary => (summary.FlagSet, summary.PageCount, summary.IsSwapped)));

        FlagTallyBuilder part = new(tables, raw: false, new PageFilter());
        part.AddProcess(process, 0x401000, 4096);
        Assert.Equal(1UL, Assert.Single(part.Counts.Summaries).PageCount);
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(false, 7UL)]
    public void The_count_does_not_depend_on_the_order_of_frames(bool raw, ulong? cgroup)
    {
        const int Pages = 100_000, Frames = 5_000, Known = 4_900;
        const ulong Exclusive = 1UL << 56;
        using SimulatedProcess simulated = new();
        Random random = new(1);
        ulong[] flags = [.. Enumerable.Range(0, Known).Select(_ => 1UL << random.Next(2, 6))];
        ulong[] cgroups = [.. Enumerable.Range(0, Known).Select(_ => (ulong)random.Next(7, 9))];
        // Single, ascending, descending, repeated, and after the end of the table.
        List<ulong> pfns = [];
        while (pfns.Count < Pages)
        {
            int first = random.Next(1, Frames - 20);
            int step = random.Next(-1, 2);
            pfns.AddRange(Enumerable.Range(0, random.Next(1, 20))
                .Select(index => (ulong)(first + 10 + index * step)).Where(pfn => pfn is > 0 and < Frames));
        }

        ulong[] words = [.. pfns.Select(pfn => Present | pfn | (pfn % 2 == 0 ? Exclusive : 0))];
        simulated.Write("maps", $"400000-{0x400000 + (ulong)words.Length * Page.Size:x} rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, words);
        simulated.WriteFrames("kpageflags", 0, flags);
        simulated.WriteFrames("kpagecgroup", 0, cgroups);
        using FrameTables tables = new(FrameAttributes.Flags | FrameAttributes.Cgroup, simulated.Files);
        using LinuxProcess process = simulated.Open();
        FlagTallyBuilder count = new(tables, raw, new PageFilter { Frame = new FrameFilter { CgroupInode = cgroup } });
        count.AddProcess(process);
        Assert.Equal(
            pfns.Where(pfn => pfn < Known && (cgroup is null || cgroups[pfn] == cgroup))
                .GroupBy(pfn => flags[pfn] | (raw && pfn % 2 == 0 ? 1UL << 63 : 0))
                .Select(group => (group.Key, (ulong)group.Count())).OrderBy(pair => pair.Key),
            count.Counts.Summaries.Select(summary => (summary.FlagSet, summary.PageCount)).OrderBy(pair => pair.FlagSet));
    }

    [Fact]
    public void Pages_of_a_failed_process_are_not_added_to_the_next()
    {
        using SimulatedProcess failing = new();
        failing.Write("maps", "400000-402000 rw-p 00000000 00:00 0\n");
        failing.WritePageMap(0x400000, Present | 1);
        using SimulatedProcess whole = new();
        whole.Write("maps", "400000-401000 rw-p 00000000 00:00 0\n");
        whole.WritePageMap(0x400000, Present | 2);
        whole.WriteFrames("kpageflags", 0, 0, 1UL << 4, 1UL << 5);
        using FrameTables tables = new(FrameAttributes.Flags, whole.Files);
        using LinuxProcess first = failing.Open();
        using LinuxProcess second = whole.Open();
        FlagTallyBuilder count = new(tables, raw: false, new PageFilter());
        Assert.Equal("ReadPageMap,EFAULT", Assert.Throws<MemProcException>(() => count.AddProcess(first)).ErrorId);
        count.AddProcess(second);
        PageFlagsSummary summary = Assert.Single(count.Counts.Summaries);
        Assert.Equal((1UL << 5, 1UL), (summary.FlagSet, summary.PageCount));
    }

    [Fact]
    public void Hidden_frames_are_an_error()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-401000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, Present);
        simulated.WriteFrames("kpageflags", 0, 0);
        using FrameTables tables = new(FrameAttributes.Flags, simulated.Files);
        using LinuxProcess process = simulated.Open();
        Assert.Equal("ReadPageMap,EPERM", Assert.Throws<MemProcException>(
            () => new FlagTallyBuilder(tables, raw: false, new PageFilter()).AddProcess(process)).ErrorId);
    }
}

namespace MemProc.Tests;

/// <summary>Tests runs of frames, open ranges, saved frame tables, and flags that are written as text.</summary>
public sealed class FrameRunsTests
{
    private const ulong Uptodate = 1 << 3, Lru = 1 << 5, Raw = 1UL << 33;

    [Fact]
    public void Runs_end_where_a_flag_a_count_or_a_cgroup_changes()
    {
        using SimulatedProcess simulated = Tables();
        using FrameTables tables = new(files: simulated.Files);
        PfnRange all = new(0, 12);
        Assert.Equal([(0UL, 3UL), (3, 1), (4, 2), (6, 6)], Runs(new FrameWalk(tables, raw: false).Runs(all)));
        // With raw flags, the frame that differs in a flag for kernel developers ends the run.
        Assert.Equal([(0UL, 2UL), (2, 1), (3, 1), (4, 2), (6, 6)], Runs(new FrameWalk(tables, raw: true).Runs(all)));
        Assert.Equal(Runs(new FrameWalk(tables, raw: true).Runs(all)), Runs(PageFlagsRuns.Join(new FrameWalk(tables, raw: true).Range(all))));
        FrameFilter filter = FrameFilter.Create(["lru"], null, null, null, cgroup: null);
        Assert.Equal([(3UL, 1UL)], Runs(new FrameWalk(tables, raw: false, filter).Runs(all)));
    }

    [Fact]
    public void Long_runs_continue_across_batches()
    {
        using SimulatedProcess simulated = new();
        simulated.WriteFrames("kpageflags", 0, [.. Enumerable.Repeat(Uptodate, 40_000), Lru]);
        simulated.WriteFrames("kpagecount", 0, new ulong[40_001]);
        using FrameTables tables = new(files: simulated.Files);
        Assert.Equal([(1UL, 39_999UL), (40_000, 1)], Runs(new FrameWalk(tables, raw: false).Runs(PfnRange.Parse("1..", allowOpen: true))));
    }

    [Fact]
    public void Open_ranges_end_with_the_last_frame()
    {
        using SimulatedProcess simulated = Tables();
        using FrameTables tables = new(files: simulated.Files);
        PfnRange open = PfnRange.Parse("0x4..", allowOpen: true);
        Assert.Equal(Enumerable.Range(4, 8).Select(pfn => (ulong)pfn), new FrameWalk(tables, raw: false).Range(open).Select(frame => frame.Pfn));
        Assert.Equal([(4UL, 2UL), (6, 6)], Runs(new FrameWalk(tables, raw: false).Runs(open)));
        Assert.Equal([(0UL, 3UL), (3, 1), (4, 1)], Runs(new FrameWalk(tables, raw: false).Runs(PfnRange.Parse("..4", allowOpen: true))));
        // One that begins after the last frame has none, and is an error as every other frame there.
        PfnRange outside = PfnRange.Parse("12..", allowOpen: true);
        Assert.Equal("ReadPageFlags,EINVAL",
            Assert.Throws<MemProcException>(() => new FrameWalk(tables, raw: false).Range(outside).ToArray()).ErrorId);
        Assert.Equal("ReadPageFlags,EINVAL",
            Assert.Throws<MemProcException>(() => new FrameWalk(tables, raw: false).Runs(outside).ToArray()).ErrorId);
    }

    [Theory]
    [InlineData("5..")]
    [InlineData("..5")]
    [InlineData("..")]
    public void Open_ranges_are_rejected_where_a_range_has_to_be_known(string text) =>
        Assert.Throws<FormatException>(() => PfnRange.Parse(text));

    [Theory]
    [InlineData("...", true)]
    [InlineData("1..2..", true)]
    [InlineData("", true)]
    public void What_is_not_a_range_is_rejected(string text, bool allowOpen) =>
        Assert.Throws<FormatException>(() => PfnRange.Parse(text, allowOpen));

    [Fact]
    public void Saved_tables_are_read_like_those_of_the_machine()
    {
        using SimulatedProcess simulated = Tables();
        string folder = simulated.Files.Proc;
        using FrameTables live = new(files: simulated.Files);
        using FrameTables saved = new(new FrameTableCopies(
            $"{folder}/kpageflags", $"{folder}/kpagecount", $"{folder}/kpagecgroup"));
        using FrameTables flags = new(new FrameTableCopies($"{folder}/kpageflags"));
        Assert.Equal(12UL, saved.End);
        Assert.Equal(
            new FrameWalk(live, raw: true).Range(new(0, 12)).Select(frame => (frame.RawFlags, frame.MapCount, frame.CgroupInode)),
            new FrameWalk(saved, raw: true).Range(new(0, 12)).Select(frame => (frame.RawFlags, frame.MapCount, frame.CgroupInode)));
        Assert.All(new FrameWalk(flags, raw: true).Range(new(0, 12)), frame => Assert.Equal((null, null), (frame.MapCount, frame.CgroupInode)));
    }

    [Fact]
    public void What_is_not_a_saved_table_is_rejected()
    {
        using TemporaryFolder folder = new();
        foreach (string path in (string[])[folder.File("odd", new byte[15]), folder.File("empty", []), folder.Path, "/dev/zero"])
        {
            MemProcException error = Assert.Throws<MemProcException>(() => new FrameTables(new FrameTableCopies(path)));
            Assert.Equal("ReadPageFlags,EINVAL", error.ErrorId);
            Assert.Equal(path, error.Target);
        }

        Assert.Equal("ReadPageFlags,ENOENT", Assert.Throws<MemProcException>(
            () => new FrameTables(new FrameTableCopies($"{folder.Path}/none"))).ErrorId);
    }

    [Fact]
    public void Scattered_frames_are_counted_as_often_as_they_are_given()
    {
        using SimulatedProcess simulated = Tables();
        using FrameTables tables = new(files: simulated.Files);
        FlagTallyBuilder all = new(tables, raw: false, new PageFilter());
        MemProcException error = Assert.Throws<MemProcException>(() => all.AddFrames([11, 3, 0, 11, 1UL << 60]));
        Assert.Equal("ReadPageFlags,EINVAL", error.ErrorId);
        Assert.Equal([(0UL, 2UL), (Uptodate, 1), (Uptodate | Lru, 1)],
            all.Counts.Summaries.Select(sum => (sum.FlagSet, sum.PageCount)));
        FlagTallyBuilder charged = new(tables, raw: false, new PageFilter { Frame = new FrameFilter { CgroupInode = 9 } });
        charged.AddFrames([0, 4, 5, 11]);
        Assert.Equal([(0UL, 2UL)], charged.Counts.Summaries.Select(sum => (sum.FlagSet, sum.PageCount)));
    }

    [Theory]
    [InlineData("0x86c", 0x86cUL)]
    [InlineData("2156", 0x86cUL)]
    [InlineData("anon", 0x1000UL)]
    [InlineData("ANONYMOUS, 0x10 ,bit63", 0x8000000000001010UL)]
    public void Sets_of_flags_are_numbers_or_names(string text, ulong expected) =>
        Assert.Equal(expected, FlagText.ParseSet(text));

    [Theory]
    [InlineData("")]
    [InlineData("anon,")]
    [InlineData("bit64")]
    [InlineData("0x")]
    [InlineData("86c")]
    public void What_is_not_a_set_of_flags_is_rejected(string text) =>
        Assert.Throws<FormatException>(() => FlagText.ParseSet(text));

    [Fact]
    public void The_vector_of_page_types_has_its_names()
    {
        PageFlagSet set = new(0x86c);
        Assert.Equal("referenced,uptodate,lru,active,mmap", string.Join(',', set.Flags));
        Assert.StartsWith("__RU_lA____M", set.Symbol, StringComparison.Ordinal);
    }

    [Fact]
    public void A_filter_accepts_masks_and_the_short_name()
    {
        Assert.True(FlagFilter.Create(["0x1010"], null, null, null)!.Matches(0x1030));
        Assert.False(FlagFilter.Create(["0x1010"], null, null, null)!.Matches(0x1020));
        Assert.True(FlagFilter.Create(null, ["anon"], null, null)!.Matches(0x1000));
    }

    /// <summary>Twelve frames: flags change at 2 (raw), 3 and 4, the cgroup at 6.</summary>
    private static SimulatedProcess Tables()
    {
        SimulatedProcess simulated = new();
        simulated.WriteFrames("kpageflags", 0,
            Uptodate, Uptodate, Uptodate | Raw, Uptodate | Lru, 0, 0, 0, 0, 0, 0, 0, 0);
        simulated.WriteFrames("kpagecount", 0, new ulong[12]);
        simulated.WriteFrames("kpagecgroup", 0, 0, 0, 0, 0, 9, 9, 0, 0, 0, 0, 0, 0);
        return simulated;
    }

    private static IEnumerable<(ulong Pfn, ulong Count)> Runs(IEnumerable<PageFlags> frames) =>
        frames.Select(frame => (frame.Pfn, frame.PageCount));
}

namespace MemProc.Tests;

/// <summary>Tests the correction of kernels that report every anonymous page as merged by KSM.</summary>
public sealed class KsmFlagTests
{
    private const ulong Lru = 1UL << 5, Anonymous = 1UL << 12, Ksm = 1UL << 21;

    [Fact]
    public void An_own_page_that_was_never_merged_shows_the_error()
    {
        Assert.True(KsmFlag.IsSetIn(Lru | Anonymous | Ksm));
        Assert.False(KsmFlag.IsSetIn(Lru | Anonymous));
        // A page that could not be read.
        Assert.False(KsmFlag.IsSetIn(0));
    }

    [Fact]
    public void Anonymous_pages_are_not_shown_as_ksm_in_any_read()
    {
        using SimulatedProcess simulated = new();
        simulated.WriteFrames("kpageflags", 0, Lru, Lru | Anonymous | Ksm, Lru | Anonymous | Ksm, Anonymous);
        using FrameTables wrong = new(FrameAttributes.Flags, simulated.Files, isKsmWrong: true);
        using FrameTables right = new(FrameAttributes.Flags, simulated.Files, isKsmWrong: false);
        FrameFilter filter = new() { Flags = FlagFilter.Create(["ksm"], null, null, null) };
        Assert.Equal([1UL, 2UL], new FrameWalk(right, raw: false, filter).Range(new PfnRange(0, 4)).Select(frame => frame.Pfn));
        Assert.Empty(new FrameWalk(wrong, raw: false, filter).Range(new PfnRange(0, 4)));
        Assert.Equal([(0UL, Lru), (1UL, Lru | Anonymous), (3UL, Anonymous)],
            new FrameWalk(wrong, raw: true).Runs(new PfnRange(0, 4)).Select(run => (run.Pfn, run.RawFlags)));
        Assert.DoesNotContain("ksm", wrong.Read([2], raw: false)[0]!.Flags);
        Assert.Contains("ksm", right.Read([2], raw: false)[0]!.Flags);
    }

    [Theory]
    [InlineData(Ksm, true, true, true)]
    [InlineData(Ksm | Lru, true, null, true)]
    // No page is merged: the corrected flag is true.
    [InlineData(Ksm, true, false, false)]
    [InlineData(Ksm, false, true, false)]
    [InlineData(Lru, true, true, false)]
    public void A_filter_by_an_unknown_flag_is_refused(ulong flags, bool isWrong, bool? hasPages, bool isRefused)
    {
        MemProcException? error = Record.Exception(() => KsmFlag.ThrowIfUnknown(flags, isWrong, hasPages)) as MemProcException;
        Assert.Equal(isRefused ? "ReadPageFlags,ENOSYS" : null, error?.ErrorId);
    }

    [Fact]
    public void Merged_pages_are_counted_by_sysfs()
    {
        using SimulatedProcess simulated = new();
        Assert.Null(KsmFlag.HasPages(simulated.Files));
        SimulatedProcess.WriteKernelFile($"{simulated.Files.Sys}/kernel/mm/ksm/pages_shared", "0\n"u8);
        Assert.False(KsmFlag.HasPages(simulated.Files));
        SimulatedProcess.WriteKernelFile($"{simulated.Files.Sys}/kernel/mm/ksm/pages_shared", "17\n"u8);
        Assert.True(KsmFlag.HasPages(simulated.Files));
    }

    [Fact]
    public void No_page_of_a_target_that_was_not_merged_is_shown_as_ksm()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = FramePages.Anonymous(target);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using FrameTables tables = new(FrameAttributes.Flags);
        Assert.DoesNotContain("ksm", tables.Read(FramePages.Pfns(process, address), raw: false)[0]!.Flags);
    }
}

namespace MemProc.Tests;

/// <summary>Tests marking of idle pages on a simulated kernel.</summary>
public sealed class PageIdleMarkerTests
{
    private const ulong Present = 1UL << 63, Swapped = 1UL << 62, Start = 0x400000;

    [Fact]
    public void The_frames_of_present_pages_are_marked_and_no_others()
    {
        using SimulatedProcess simulated = Process("400000-406000 rw-p 00000000 00:00 0\n");
        SimulatedIdleBitmap bitmap = new(simulated);
        simulated.WritePageMap(
            Start, Present | 63, Present | 64, Swapped | 0x100, 0, Present | 5, Present | 40_000);
        using PageIdleMarker marker = new(simulated.Files);
        using LinuxProcess process = simulated.Open();
        PageIdleMark mark = marker.Mark(process);
        Assert.Equal([5UL, 63, 64, 40_000], bitmap.Idle());
        Assert.Equal((4UL, 4UL, 0UL, 0UL), Counts(mark));
        Assert.Equal((Environment.ProcessId, "simulated", 777UL),
            (mark.ProcessId, mark.ProcessName, mark.ProcessStartTicks));
        Assert.True(mark is { Address: null, Length: null, Pfn: null });
    }

    [Fact]
    public void A_range_is_marked_in_whole_pages_across_mappings()
    {
        using SimulatedProcess simulated = Process("""
            400000-402000 rw-p 00000000 00:00 0
            402000-404000 r--p 00000000 00:00 0

            """);
        SimulatedIdleBitmap bitmap = new(simulated);
        simulated.WritePageMap(Start, Present | 10, Present | 11, Present | 12, Present | 13);
        using PageIdleMarker marker = new(simulated.Files);
        using LinuxProcess process = simulated.Open();
        PageIdleMark mark = marker.Mark(process, Start + 0x1ff0, 0x20);
        Assert.Equal([11UL, 12], bitmap.Idle());
        Assert.Equal((Start + 0x1000, 0x2000UL), (mark.Address, mark.Length));
        Assert.Equal(2UL, mark.PageCount);
        Assert.Equal("FindMap,ENOENT",
            Assert.Throws<MemProcException>(() => marker.Mark(process, 0x900000, 1)).ErrorId);
        Assert.Equal("MarkIdle,EINVAL",
            Assert.Throws<MemProcException>(() => marker.Mark(process, Start, ulong.MaxValue)).ErrorId);
    }

    [Fact]
    public void A_folio_is_marked_by_its_first_frame_and_each_page_counts()
    {
        using SimulatedProcess simulated = Process("400000-405000 rw-p 00000000 00:00 0\n");
        SimulatedIdleBitmap bitmap = new(simulated);
        // Sixteen frames from 512. Tail pages have no LRU flag on older kernels.
        simulated.WriteFrames("kpageflags", 512, [SimulatedIdleBitmap.Lru | SimulatedIdleBitmap.Head,
            .. Enumerable.Repeat(SimulatedIdleBitmap.Tail, 15)]);
        // Some pages of the folio are mapped, out of order, and next to a page outside of it.
        simulated.WritePageMap(
            Start, Present | 519, Present | 520, Present | 527, Present | 514, Present | 528);
        using PageIdleMarker marker = new(simulated.Files);
        using LinuxProcess process = simulated.Open();
        Assert.Equal((5UL, 5UL, 0UL, 0UL), Counts(marker.Mark(process)));
        Assert.Equal([512UL, 528], bitmap.Idle());
    }

    [Fact]
    public void Frames_outside_the_LRU_lists_or_memory_are_counted_as_unmarkable()
    {
        using SimulatedProcess simulated = Process("400000-404000 rw-p 00000000 00:00 0\n");
        SimulatedIdleBitmap bitmap = new(simulated);
        const ulong HugeTlb = 1UL << 17;
        simulated.WriteFrames("kpageflags", 7, 0);
        simulated.WriteFrames("kpageflags", 1024, [HugeTlb | SimulatedIdleBitmap.Head,
            .. Enumerable.Repeat(HugeTlb | SimulatedIdleBitmap.Tail, 511)]);
        const ulong Device = 1UL << 40;
        simulated.WritePageMap(Start, Present | 7, Present | 1500, Present | Device, Present | 8);
        using PageIdleMarker marker = new(simulated.Files);
        using LinuxProcess process = simulated.Open();
        Assert.Equal((4UL, 1UL, 0UL, 3UL), Counts(marker.Mark(process)));
        Assert.Equal([8UL], bitmap.Idle());
    }

    [Fact]
    public void Frames_that_do_not_read_back_as_idle_are_not_counted()
    {
        using SimulatedProcess simulated = Process("400000-402000 rw-p 00000000 00:00 0\n");
        _ = new SimulatedIdleBitmap(simulated);
        string bitmap = SimulatedIdleBitmap.PathIn(simulated);
        File.Delete(bitmap);
        // Writes succeed, and reads return zeros.
        File.CreateSymbolicLink(bitmap, "/dev/zero");
        simulated.WritePageMap(Start, Present | 5, Present | 6);
        using PageIdleMarker marker = new(simulated.Files);
        using LinuxProcess process = simulated.Open();
        Assert.Equal((2UL, 0UL, 2UL, 0UL), Counts(marker.Mark(process)));
    }

    [Fact]
    public void Any_number_of_frames_is_marked_and_adjacent_frames_are_not()
    {
        using SimulatedProcess simulated = Process("400000-401000 rw-p 00000000 00:00 0\n");
        SimulatedIdleBitmap bitmap = new(simulated);
        using PageIdleMarker marker = new(simulated.Files);
        PageIdleMark mark = marker.Mark(new PfnRange(1001, 40_001));
        Assert.Equal(Enumerable.Range(1001, 40_001).Select(pfn => (ulong)pfn), bitmap.Idle());
        Assert.Equal((40_001UL, 40_001UL, 0UL, 0UL), Counts(mark));
        Assert.True(mark is { ProcessId: null, ProcessName: null, ProcessStartTicks: null, Pfn: 1001 });
    }

    [Theory]
    [InlineData(SimulatedIdleBitmap.FrameCount, 1)]
    [InlineData(SimulatedIdleBitmap.FrameCount - 1, 2)]
    [InlineData(1, ulong.MaxValue)]
    [InlineData(ulong.MaxValue, 2)]
    public void Frames_after_the_last_one_are_rejected_before_any_is_marked(ulong first, ulong count)
    {
        using SimulatedProcess simulated = Process("400000-401000 rw-p 00000000 00:00 0\n");
        SimulatedIdleBitmap bitmap = new(simulated);
        using PageIdleMarker marker = new(simulated.Files);
        Assert.Equal("ReadPageFlags,EINVAL",
            Assert.Throws<MemProcException>(() => marker.Mark(new PfnRange(first, count))).ErrorId);
        Assert.Empty(bitmap.Idle());
    }

    [Fact]
    public void Hidden_frames_are_an_error_and_not_frame_zero()
    {
        using SimulatedProcess simulated = Process("400000-401000 rw-p 00000000 00:00 0\n");
        SimulatedIdleBitmap bitmap = new(simulated);
        simulated.WritePageMap(Start, Present);
        using PageIdleMarker marker = new(simulated.Files);
        using LinuxProcess process = simulated.Open();
        MemProcException error = Assert.Throws<MemProcException>(() => marker.Mark(process));
        Assert.Equal("MarkIdle,EPERM", error.ErrorId);
        Assert.Contains("CAP_SYS_ADMIN", error.Message, StringComparison.Ordinal);
        Assert.Empty(bitmap.Idle());
    }

    [Fact]
    public void A_kernel_without_the_bitmap_is_named_with_its_option()
    {
        using SimulatedProcess simulated = Process("400000-401000 rw-p 00000000 00:00 0\n");
        MemProcException error = Assert.Throws<MemProcException>(() => new PageIdleMarker(simulated.Files));
        Assert.Equal("MarkIdle,ENOENT", error.ErrorId);
        Assert.Contains("CONFIG_IDLE_PAGE_TRACKING", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void It_stops_on_cancellation()
    {
        using SimulatedProcess simulated = Process("400000-401000 rw-p 00000000 00:00 0\n");
        SimulatedIdleBitmap bitmap = new(simulated);
        simulated.WritePageMap(Start, Present | 5);
        using CancellationTokenSource source = new();
        using PageIdleMarker marker = new(simulated.Files, source.Token);
        using LinuxProcess process = simulated.Open();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => marker.Mark(process));
        Assert.Throws<OperationCanceledException>(() => marker.Mark(new PfnRange(0)));
        Assert.Empty(bitmap.Idle());
    }

    private static SimulatedProcess Process(string maps)
    {
        SimulatedProcess simulated = new();
        simulated.Write("maps", maps);
        return simulated;
    }

    private static (ulong Pages, ulong Idle, ulong Touched, ulong Unmarkable) Counts(PageIdleMark mark) =>
        (mark.PageCount, mark.IdleCount, mark.TouchedCount, mark.UnmarkableCount);
}

namespace MemProc.Tests;

/// <summary>
/// Tests working sets: by the idle bitmap on a simulated kernel, and by referenced bits on the target.
/// </summary>
public sealed class WorkingSetMeterTests
{
    private const ulong Present = 1UL << 63, Start = 0x400000;
    private const int NoHugePage = 15;

    private static readonly ulong P = Page.Size;

    [Fact]
    public void Pages_that_are_still_idle_were_not_touched()
    {
        using SimulatedProcess simulated = TwoMappings();
        SimulatedIdleBitmap bitmap = new(simulated);
        simulated.WritePageMap(Start, Present | 10, Present | 11, Present | 12);
        simulated.WritePageMap(Start + 4 * P, Present | 13);
        using WorkingSetMeter meter = WorkingSetMeter.Open(WorkingSetMethod.Auto, simulated.Files);
        Assert.Equal(WorkingSetMethod.Idle, meter.Method);
        Assert.Null(meter.Reason);
        using LinuxProcess process = simulated.Open();
        meter.Add(process);
        Assert.Empty(bitmap.Idle());
        meter.Start();
        Assert.Equal([10UL, 11, 12, 13], bitmap.Idle());
        bitmap.Touch(11, 12);
        WorkingSet[] sets = [.. meter.Read(process)];
        Assert.Equal([(Start, 3 * P, 2 * P, 0UL), (Start + 4 * P, P, 0UL, 0UL)],
            sets.Select(set => (set.Start, set.RssBytes, set.ReferencedBytes, set.UntrackedBytes!.Value)));
        Assert.Equal((Start + 4 * P, 4 * P, "rw-p", "one", 777UL), (sets[0].End, sets[0].SizeBytes,
            sets[0].Permissions, sets[0].Path, sets[0].ProcessStartTicks));
        Assert.All(sets, set => Assert.Equal(WorkingSetMethod.Idle, set.Method));

        WorkingSetSummary sum = meter.Summarize(process);
        Assert.Equal((2, 4 * P, 2 * P, 0UL, Environment.ProcessId),
            (sum.MappingCount, sum.RssBytes, sum.ReferencedBytes, sum.UntrackedBytes, sum.ProcessId));
    }

    [Fact]
    public void What_only_the_process_maps_is_told_from_the_rest()
    {
        const ulong Exclusive = 1UL << 56;
        using SimulatedProcess simulated = TwoMappings();
        SimulatedIdleBitmap bitmap = new(simulated);
        simulated.WritePageMap(Start, Present | Exclusive | 10, Present | Exclusive | 11, Present | 12);
        simulated.WritePageMap(Start + 4 * P, 0);
        using WorkingSetMeter meter = WorkingSetMeter.Open(WorkingSetMethod.Idle, simulated.Files);
        using LinuxProcess process = simulated.Open();
        meter.Add(process);
        meter.Start();
        bitmap.Touch(11, 12);
        WorkingSet set = meter.Read(process).First();
        Assert.Equal((3 * P, 2 * P, 2 * P, P, P, 0UL), (set.RssBytes, set.UssBytes, set.ReferencedBytes,
            set.PrivateReferencedBytes, set.SharedReferencedBytes, set.UnattributedReferencedBytes));
    }

    [Fact]
    public void Pages_faulted_in_during_the_interval_were_touched_and_migrated_ones_were_not()
    {
        using SimulatedProcess simulated = TwoMappings();
        SimulatedIdleBitmap bitmap = new(simulated);
        simulated.WritePageMap(Start, Present | 10, 0, Present | 12, 0);
        simulated.WritePageMap(Start + 4 * P, 0);
        using WorkingSetMeter meter = WorkingSetMeter.Open(WorkingSetMethod.Idle, simulated.Files);
        using LinuxProcess process = simulated.Open();
        meter.Add(process);
        // A frame of another process, marked by another user. The mark moves with a page that the kernel migrates.
        simulated.WritePageMap(Start, Present | 10, Present | 30, Present | 131, 0);
        simulated.WriteFrames("kpageflags", 30, 0);
        meter.Start();
        using (PageIdleMarker other = new(simulated.Files))
        {
            other.Mark(new PfnRange(131));
        }

        WorkingSet set = meter.Read(process).First();
        // The new page is not on an LRU list yet, but was touched.
        Assert.Equal((3 * P, P, 0UL), (set.RssBytes, set.ReferencedBytes, set.UntrackedBytes));
        Assert.Contains(10UL, bitmap.Idle());
    }

    [Fact]
    public void Unmarkable_pages_are_neither_touched_nor_untouched()
    {
        using SimulatedProcess simulated = TwoMappings();
        SimulatedIdleBitmap bitmap = new(simulated);
        simulated.WriteFrames("kpageflags", 20, 0, 0);
        simulated.WritePageMap(Start, Present | 20, Present | 21, Present | 22, Present | 1UL << 40);
        simulated.WritePageMap(Start + 4 * P, 0);
        using WorkingSetMeter meter = WorkingSetMeter.Open(WorkingSetMethod.Idle, simulated.Files);
        using LinuxProcess process = simulated.Open();
        meter.Add(process);
        meter.Start();
        Assert.Equal([22UL], bitmap.Idle());
        bitmap.Touch(22);
        WorkingSet set = meter.Read(process).First();
        Assert.Equal((4 * P, P, 3 * P), (set.RssBytes, set.ReferencedBytes, set.UntrackedBytes));
    }

    [Fact]
    public void A_folio_is_touched_as_a_whole()
    {
        using SimulatedProcess simulated = TwoMappings();
        SimulatedIdleBitmap bitmap = new(simulated);
        simulated.WriteFrames("kpageflags", 64, SimulatedIdleBitmap.Lru | SimulatedIdleBitmap.Head,
            SimulatedIdleBitmap.Tail, SimulatedIdleBitmap.Tail, SimulatedIdleBitmap.Tail);
        simulated.WritePageMap(Start, Present | 65, Present | 66, Present | 68, 0);
        simulated.WritePageMap(Start + 4 * P, 0);
        using WorkingSetMeter meter = WorkingSetMeter.Open(WorkingSetMethod.Idle, simulated.Files);
        using LinuxProcess process = simulated.Open();
        meter.Add(process);
        meter.Start();
        Assert.Equal(0UL, meter.Summarize(process).ReferencedBytes);
        bitmap.Touch(64);
        Assert.Equal(2 * P, meter.Summarize(process).ReferencedBytes);
    }

    [Fact]
    public void Many_scattered_frames_are_all_remembered()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", $"{Start:x}-{Start + 30_000 * P:x} rw-p 00000000 00:00 0\n");
        SimulatedIdleBitmap bitmap = new(simulated);
        ulong[] pfns = [.. Enumerable.Range(0, 30_000).Select(index => (ulong)index * 40_503 % SimulatedIdleBitmap.FrameCount)];
        simulated.WritePageMap(Start, [.. pfns.Select(pfn => pfn == 0 ? 0 : Present | pfn)]);
        using WorkingSetMeter meter = WorkingSetMeter.Open(WorkingSetMethod.Idle, simulated.Files);
        using LinuxProcess process = simulated.Open();
        meter.Add(process);
        meter.Start();
        Assert.Equal(pfns.Where(pfn => pfn != 0).Order(), bitmap.Idle());
        bitmap.Touch([.. pfns.Where(pfn => pfn % 3 == 0)]);
        Assert.Equal((ulong)pfns.Count(pfn => pfn != 0 && pfn % 3 == 0) * P, meter.Summarize(process).ReferencedBytes);
    }

    [Fact]
    public void Without_a_bitmap_referenced_bits_are_used_and_the_reason_is_reported()
    {
        using SimulatedProcess simulated = new();
        using WorkingSetMeter meter = WorkingSetMeter.Open(WorkingSetMethod.Auto, simulated.Files);
        Assert.Equal(WorkingSetMethod.Referenced, meter.Method);
        Assert.Contains("CONFIG_IDLE_PAGE_TRACKING", meter.Reason, StringComparison.Ordinal);
        using WorkingSetMeter chosen = WorkingSetMeter.Open(WorkingSetMethod.Referenced, simulated.Files);
        Assert.Null(chosen.Reason);
        MemProcException error = Assert.Throws<MemProcException>(
            () => WorkingSetMeter.Open(WorkingSetMethod.Idle, simulated.Files));
        Assert.Equal("MeasureWorkingSet,ENOENT", error.ErrorId);
    }

    [Fact]
    public void Referenced_bits_are_set_for_the_pages_that_the_target_touches()
    {
        using TargetProcess target = TargetProcess.Start();
        (ulong quiet, ulong busy) = (Touched(target, 10), Touched(target, 10));
        using WorkingSetMeter meter = WorkingSetMeter.Open(WorkingSetMethod.Referenced);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        meter.Add(process);
        meter.Start();
        // Access through a cached translation (TLB) sets no bit; changing the protection flushes it.
        target.Ask($"protect {busy} {10 * P} r--");
        target.Ask($"protect {busy} {10 * P} rw-");
        target.Ask($"touch {busy + 2 * P} 3");
        ulong[] fresh = [target.Ask($"map {4 * P} rw- private").Address("address")];
        target.Ask($"touch {fresh[0]} 1");
        Dictionary<ulong, WorkingSet> sets = meter.Read(process).ToDictionary(set => set.Start);
        Assert.Equal((10 * P, 0UL), (sets[quiet].RssBytes, sets[quiet].ReferencedBytes));
        Assert.Equal((10 * P, 3 * P), (sets[busy].RssBytes, sets[busy].ReferencedBytes));
        Assert.Equal((P, P), (sets[fresh[0]].RssBytes, sets[fresh[0]].ReferencedBytes));
        Assert.All(sets.Values, set => Assert.Null(set.UntrackedBytes));
        Assert.All(sets.Values, set => Assert.Equal(WorkingSetMethod.Referenced, set.Method));
    }

    [Fact]
    public void A_summary_is_the_sum_of_its_mappings()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("clear_refs", "");
        simulated.Write("smaps", """
            400000-401000 rw-p 00000000 00:00 0
            Rss:                   4 kB
            Private_Clean:         0 kB
            Private_Dirty:         4 kB
            Referenced:            0 kB
            500000-504000 rw-p 00000000 00:00 0
            Rss:                  16 kB
            Private_Clean:         4 kB
            Private_Dirty:         0 kB
            Referenced:            8 kB

            """);
        using WorkingSetMeter meter = WorkingSetMeter.Open(WorkingSetMethod.Referenced, simulated.Files);
        using LinuxProcess process = simulated.Open();
        meter.Add(process);
        meter.Start();
        Assert.Equal("1", simulated.Read("clear_refs"));
        WorkingSetSummary sum = meter.Summarize(process);
        Assert.Equal((2, 20 * 1024UL, 8 * 1024UL, null), (sum.MappingCount, sum.RssBytes, sum.ReferencedBytes, sum.UntrackedBytes));
        Assert.Equal(WorkingSetMethod.Referenced, sum.Method);
        // At least one of two touched pages is shared, since only one of the four is private.
        Assert.Equal((8 * 1024UL, 0UL, 4 * 1024UL, 4 * 1024UL), (sum.UssBytes, sum.PrivateReferencedBytes,
            sum.SharedReferencedBytes, sum.UnattributedReferencedBytes));
    }

    [Fact]
    public void Nothing_is_cleared_if_it_could_not_be_read_back()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("clear_refs", "");
        using WorkingSetMeter meter = WorkingSetMeter.Open(WorkingSetMethod.Referenced, simulated.Files);
        using LinuxProcess process = simulated.Open();
        Assert.Equal("MeasureWorkingSet,ENOENT", Assert.Throws<MemProcException>(() => meter.Add(process)).ErrorId);
        Assert.Equal("", simulated.Read("clear_refs"));
    }

    [Theory]
    [InlineData(WorkingSetMethod.Referenced)]
    [InlineData(WorkingSetMethod.Idle)]
    public void A_missing_counter_or_an_exited_process_is_an_error(WorkingSetMethod method)
    {
        using SimulatedProcess simulated = TwoMappings();
        _ = new SimulatedIdleBitmap(simulated);
        simulated.WritePageMap(Start, Present | 10, Present | 11, Present | 12, Present | 13, Present | 14);
        simulated.Write("clear_refs", "");
        simulated.Write("smaps", "400000-401000 rw-p 00000000 00:00 0\nRss:   4 kB\nReferenced:   0 kB\n");
        using WorkingSetMeter meter = WorkingSetMeter.Open(method, simulated.Files);
        using LinuxProcess process = simulated.Open();
        meter.Add(process);
        meter.Start();
        // Without the Referenced counter, and without pagemap entries.
        simulated.Write("smaps", "400000-401000 rw-p 00000000 00:00 0\nRss:   4 kB\n");
        simulated.Write("maps", $"{Start + 0x100_0000:x}-{Start + 0x200_0000:x} rw-p 00000000 00:00 0\n");
        MemProcException error = Assert.Throws<MemProcException>(() => meter.Read(process).Count());
        Assert.Equal(method == WorkingSetMethod.Idle ? "ReadPageMap,EFAULT" : "MeasureWorkingSet,ENOSYS", error.ErrorId);
    }

    [Fact]
    public void A_target_that_exits_during_the_interval_is_an_error()
    {
        using TargetProcess target = TargetProcess.Start();
        using WorkingSetMeter meter = WorkingSetMeter.Open(WorkingSetMethod.Referenced);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        meter.Add(process);
        meter.Start();
        target.Kill();
        Assert.Equal("ReadMaps,ESRCH", Assert.Throws<MemProcException>(() => meter.Read(process).Count()).ErrorId);
        Assert.Equal("MeasureWorkingSet,ESRCH", Assert.Throws<MemProcException>(() => meter.Add(process)).ErrorId);
    }

    [Fact]
    public void A_kernel_thread_has_nothing_to_measure()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("clear_refs", "");
        simulated.Write("smaps", "");
        simulated.Write("stat", $"{Environment.ProcessId} (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0");
        using WorkingSetMeter meter = WorkingSetMeter.Open(WorkingSetMethod.Referenced, simulated.Files);
        using LinuxProcess process = simulated.Open();
        MemProcException error = Assert.Throws<MemProcException>(() => meter.Add(process));
        Assert.Equal("MeasureWorkingSet,ESRCH", error.ErrorId);
        Assert.Contains("kernel thread", error.Message, StringComparison.Ordinal);
        Assert.Equal("", simulated.Read("clear_refs"));
    }

    private static ulong Touched(TargetProcess target, int pages)
    {
        ulong address = target.Ask($"map {(ulong)pages * P} rw- private").Address("address");
        target.Ask($"advise {address} {(ulong)pages * P} {NoHugePage}");
        target.Ask($"touch {address} {pages}");
        return address;
    }

    private static SimulatedProcess TwoMappings()
    {
        SimulatedProcess simulated = new();
        simulated.Write("maps", $"""
            {Start:x}-{Start + 4 * P:x} rw-p 00000000 00:00 0                     one
            {Start + 4 * P:x}-{Start + 5 * P:x} r--p 00000000 00:00 0             two

            """);
        return simulated;
    }
}

namespace MemProc.Tests;

/// <summary>Soft-dirty bits and the idle bitmap on kernels that have them, which that of this machine need not be.</summary>
public sealed class GuestTrackingTests
{
    private const ulong Pages = 64;

    [Fact]
    public void Exactly_the_touched_pages_are_soft_dirty()
    {
        using Tracked tracked = Tracked.SoftDirty();
        ulong address = FramePages.Anonymous(tracked.Target, Pages);
        SoftDirty.Clear(tracked.Process);
        int[] touched = [0, 1, 17, 40, (int)Pages - 1];
        Array.ForEach(touched, page => tracked.Target.Ask($"touch {address + (ulong)page * Page.Size} 1"));
        PageMapEntry[] pages = [.. new PageMapWalk(tracked.Process).Range(address, Pages * Page.Size)];
        Assert.Equal(touched, Enumerable.Range(0, (int)Pages).Where(page => pages[page].IsSoftDirty == true));
    }

    [Fact]
    public void A_write_to_a_transparent_huge_page_makes_it_soft_dirty_as_a_whole()
    {
        using Tracked tracked = Tracked.SoftDirty();
        ulong address = FramePages.Huge(tracked.Target, tracked.Process);
        SoftDirty.Clear(tracked.Process);
        Assert.All(new PageMapWalk(tracked.Process).Range(address, HugeTlb.PageBytes), page => Assert.False(page.IsSoftDirty));
        tracked.Target.Ask($"touch {address + 3 * Page.Size} 1");
        PageMapEntry[] pages = [.. new PageMapWalk(tracked.Process).Range(address, HugeTlb.PageBytes)];
        Assert.True(pages[3].IsSoftDirty);
        // The kernel keeps one bit for the huge page, as long as it is one.
        bool isWhole = pages.All(page => page.IsSoftDirty == true);
        Assert.True(isWhole || pages.Count(page => page.IsSoftDirty == true) == 1);
    }

    [Fact]
    public void A_page_of_hugetlb_is_soft_dirty_in_pagemap_only_while_its_mapping_is_new()
    {
        LiveKernel.Require();
        // Before the target, which has to end before it is unmounted.
        using HugeTlb huge = HugeTlb.Reserve();
        using Tracked tracked = Tracked.SoftDirty();
        ulong address = tracked.Target.Ask($"file 0 {HugeTlb.PageBytes} rw- shared {huge.FilePath}").Address("address");
        tracked.Target.Ask($"touch {address} 1");
        Assert.True(new PageMapWalk(tracked.Process).At(address).First().IsSoftDirty);
        SoftDirty.Clear(tracked.Process);
        tracked.Target.Ask($"touch {address} 1");
        // pagemap_hugetlb_range() looks at the mapping only, and clear_refs leaves the page tables of hugetlb alone.
        Assert.False(new PageMapWalk(tracked.Process).At(address).First().IsSoftDirty);
        using PageTableReader reader = new(LiveKernel.Source);
        Assert.True(reader.Entries(tracked.Process, address)[^1].IsSoftDirty);
    }

    [Fact]
    public void Exactly_the_touched_pages_are_no_longer_idle()
    {
        using PageIdleMarker marker = Open(() => new PageIdleMarker());
        using Tracked tracked = new();
        ulong address = FramePages.Anonymous(tracked.Target, Pages);
        Drain();
        PageIdleMark mark = marker.Mark(tracked.Process, address, Pages * Page.Size);
        Assert.Equal((Pages, 0UL), (mark.PageCount, mark.UnmarkableCount));
        Assert.Equal(Pages, mark.IdleCount + mark.TouchedCount);
        int[] touched = [0, 3, 17, 40, (int)Pages - 1];
        ForgetTranslations(tracked.Target);
        Array.ForEach(touched, page => tracked.Target.Ask($"touch {address + (ulong)page * Page.Size} 1"));
        ulong[] pfns = FramePages.Pfns(tracked.Process, address, Pages);
        using FileStream bitmap = new("/sys/kernel/mm/page_idle/bitmap", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 0);
        byte[] word = new byte[sizeof(ulong)];
        Assert.Equal(touched, Enumerable.Range(0, (int)Pages).Where(page =>
        {
            bitmap.Position = (long)(pfns[page] / 64 * sizeof(ulong));
            bitmap.ReadExactly(word);
            return (BitConverter.ToUInt64(word) >> (int)(pfns[page] % 64) & 1) == 0;
        }));
    }

    [Theory]
    [InlineData(WorkingSetMethod.Idle)]
    [InlineData(WorkingSetMethod.Referenced)]
    public void The_working_set_is_exactly_what_was_touched(WorkingSetMethod method)
    {
        using WorkingSetMeter meter = Open(() => WorkingSetMeter.Open(method));
        using Tracked tracked = new();
        ulong address = FramePages.Anonymous(tracked.Target, Pages);
        Drain();
        meter.Add(tracked.Process);
        meter.Start();
        ForgetTranslations(tracked.Target);
        tracked.Target.Ask($"touch {address + 5 * Page.Size} 10");
        WorkingSet set = meter.Read(tracked.Process).Single(set => set.Start <= address && set.End > address);
        Assert.Equal(method, set.Method);
        Assert.Equal((Pages * Page.Size, 10 * Page.Size), (set.RssBytes, set.ReferencedBytes));
    }

    /// <summary>Puts all pages on the LRU lists: those in batches of a processor cannot be marked as idle.</summary>
    private static void Drain() => File.WriteAllText("/proc/sys/vm/compact_memory", "1");

    /// <summary>
    /// Marking does not flush the TLB: the target uses other memory until the processor has forgotten its entries.
    /// </summary>
    private static void ForgetTranslations(TargetProcess target)
    {
        ulong other = target.Ask($"map {4096 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {other} 4096");
    }

    private static T Open<T>(Func<T> open)
    {
        Requires.Guest();
        try
        {
            return open();
        }
        catch (MemProcException error)
        {
            Assert.Skip(error.Message);
            throw;
        }
    }

    /// <summary>A target, open.</summary>
    private sealed class Tracked : IDisposable
    {
        public Tracked()
        {
            Target = TargetProcess.Start();
            Process = LinuxProcess.Open(Target.ProcessId);
        }

        public TargetProcess Target { get; }

        public LinuxProcess Process { get; }

        public static Tracked SoftDirty()
        {
            Requires.Root();
            Assert.SkipUnless(SoftDirtyProbe.IsSupported(KernelFiles.Default), "needs CONFIG_MEM_SOFT_DIRTY");
            return new Tracked();
        }

        public void Dispose()
        {
            Process.Dispose();
            Target.Dispose();
        }
    }
}

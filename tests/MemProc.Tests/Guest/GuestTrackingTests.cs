namespace MemProc.Tests;

/// <summary>Soft-dirty bits and the idle bitmap on kernels that have them, which that of this machine need not be.</summary>
public sealed class GuestTrackingTests
{
    private const int Pages = 64;

    [Fact]
    public void Exactly_the_touched_pages_are_soft_dirty()
    {
        using Tracked tracked = Tracked.SoftDirty();
        ulong address = FramePages.Anonymous(tracked.Target, Pages);
        SoftDirty.Clear(tracked.Process);
        int[] touched = [0, 1, 17, 40, Pages - 1];
        Array.ForEach(touched, page => tracked.Target.Ask($"touch {address + (ulong)page * Page.Size} 1"));
        PageMapEntry[] pages = [.. new PageMapWalk(tracked.Process).Range(address, Pages * Page.Size)];
        Assert.Equal(touched, Enumerable.Range(0, Pages).Where(page => pages[page].IsSoftDirty == true));
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
    public void Pages_that_are_touched_after_they_were_marked_are_no_longer_idle()
    {
        using WorkingSetMeter meter = OpenMeter();
        using Tracked tracked = new();
        ulong address = FramePages.Anonymous(tracked.Target, Pages);
        meter.Add(tracked.Process);
        meter.Start();
        // Marking does not flush the TLB: other memory is used until the processor forgets its entries.
        ulong other = tracked.Target.Ask($"map {4096 * Page.Size} rw- private").Address("address");
        tracked.Target.Ask($"touch {other} 4096");
        tracked.Target.Ask($"touch {address} 10");
        WorkingSet set = meter.Read(tracked.Process).Single(set => set.Start <= address && set.End > address);
        Assert.Equal(WorkingSetMethod.Idle, set.Method);
        Assert.InRange(set.ReferencedBytes, 10 * Page.Size, set.RssBytes - 10 * Page.Size);
    }

    private static WorkingSetMeter OpenMeter()
    {
        Requires.Root();
        try
        {
            return WorkingSetMeter.Open(WorkingSetMethod.Idle);
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

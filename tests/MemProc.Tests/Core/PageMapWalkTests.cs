using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Compares pages with pagemap, read entry by entry.</summary>
public sealed class PageMapWalkTests
{
    [Fact]
    public void Both_pages_are_present_in_separate_frames()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageMapEntry[] pages = [.. new PageMapWalk(process).Range(address, 8192)];
        Assert.Equal([address, address + 4096], pages.Select(page => page.Address));
        Assert.All(pages, page =>
        {
            Assert.True(page is { IsPresent: true, IsExclusive: true, IsSwapped: false, IsFileOrShared: false });
            Assert.Equal(Word(target, page.Address), page.Raw);
            Assert.Equal(page.Pfn * Page.Size, page.PhysicalAddress);
            Assert.Equal(target.ProcessId, page.ProcessId);
        });
        Assert.NotEqual(pages[0].Pfn, pages[1].Pfn);
        Assert.DoesNotContain(0UL, pages.Select(page => page.Pfn!.Value));
    }

    [Fact]
    public void One_address_gives_the_physical_address_of_its_byte()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address") + 4096 + 0x123;
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageMapEntry page = new PageMapWalk(process).At(address).Single();
        Assert.Equal(address, page.Address);
        Assert.Equal((Word(target, address) & RawPageMapEntry.PfnMask) * Page.Size + 0x123, page.PhysicalAddress);
        Assert.Equal(Page.Size - 0x123, page.Length);
    }

    [Fact]
    public void A_terabyte_with_a_hundred_touched_pages_returns_those()
    {
        using TargetProcess target = TargetProcess.Start();
        TargetReply reserve = target.Ask("reserve 0x10000000000 100");
        ulong address = reserve.Address("address"), stride = reserve.Number("stride");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        if (PageMapScan.TryFindPopulated(process.OpenFile("pagemap", Operation.ReadPageMap), address, address + Page.Size, new PageRegion[1], out _, out _)
            == Errno.ENOTTY)
        {
            Assert.Skip("needs PAGEMAP_SCAN (Linux 6.7)");
        }

        Assert.Equal(
            Enumerable.Range(0, 100).Select(index => address + (ulong)index * stride),
            new PageMapWalk(process).Range(address, 0x10000000000).Select(page => page.Address));
    }

    [Fact]
    public void The_whole_process_equals_its_pagemap_entries()
    {
        using TargetProcess target = TargetProcess.Start();
        target.Ask("seed");
        ulong half = target.Ask($"map {600 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {half} 300 2");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Dictionary<ulong, ulong> pages = new PageMapWalk(process).All().ToDictionary(page => page.Address, page => page.Raw);
        Assert.Equal(300, pages.Keys.Count(address => address >= half && address < half + 600 * Page.Size));
        // Pages of an idle runtime hardly change; a few may be touched during the test.
        int differing = pages.Count(page => Word(target, page.Key) != page.Value);
        Assert.InRange(differing, 0, pages.Count / 20);
    }

    [Fact]
    public void Empty_pages_are_returned_by_the_walk_on_request()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {300 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address + 7 * Page.Size} 2");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageMapEntry[] all = [.. new PageMapWalk(process) { IncludeEmpty = true }.Range(address, 300 * Page.Size)];
        Assert.Equal(300, all.Length);
        Assert.Equal([7, 8], Enumerable.Range(0, 300).Where(index => all[index].IsPresent));

        PageMapEntry[] runs =
            [.. new PageMapWalk(process) { IncludeEmpty = true, JoinRuns = true }.Range(address, 300 * Page.Size)];
        Assert.Equal(300UL, runs.Aggregate(0UL, (sum, run) => sum + run.PageCount));
        Assert.Equal(7UL, runs[0].PageCount);
        Assert.Equal(7 * Page.Size, runs[0].Length);
        Assert.Equal(291UL, runs[^1].PageCount);
    }

    [Fact]
    public void Runs_are_pages_in_consecutive_frames_of_equal_state()
    {
        using SimulatedProcess simulated = new();
        const ulong Present = 1UL << 63, Exclusive = 1UL << 56, Swapped = 1UL << 62, Start = 0x400000;
        simulated.Write("maps", """
            400000-408000 rw-p 00000000 00:00 0                            one
            408000-409000 rw-p 00000000 00:00 0                            two

            """);
        simulated.WritePageMap(Start,
            Present | 0x100, Present | 0x101, Present | 0x103, Present | Exclusive | 0x104,
            Swapped | 0x20, Swapped | 0x40, Swapped | 0x61, Present | 0x200, Present | 0x201);
        using LinuxProcess process = simulated.Open();
        Assert.Equal(
            [(Start, 2UL), (Start + 0x2000, 1UL), (Start + 0x3000, 1UL), (Start + 0x4000, 2UL), (Start + 0x6000, 1UL),
                (Start + 0x7000, 1UL), (Start + 0x8000, 1UL)],
            new PageMapWalk(process) { JoinRuns = true }.All().Select(run => (run.Address, run.PageCount)));
    }

    [Fact]
    public void A_swapped_page_has_a_swap_offset_and_no_frame()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "7fffa50f0000-7fffa50f1000 rw-p 00000000 00:00 0   [stack]\n");
        simulated.WritePageMap(0x7fffa50f0000, 1UL << 62 | 0xc6280);
        using LinuxProcess process = simulated.Open();
        PageMapEntry page = Assert.Single(new PageMapWalk(process).All());
        Assert.True(page.IsSwapped);
        Assert.Equal("swapped", page.State);
        Assert.Equal("swap 0:0x6314", new RawPageMapEntry(page.Raw).Location);
        Assert.Equal((0, 0x6314UL), (page.SwapType!.Value, page.SwapOffset!.Value));
        Assert.Null(page.Pfn);
        Assert.Null(page.PhysicalAddress);
    }

    [Fact]
    public void A_hidden_frame_is_not_frame_0()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-402000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, 0x8100000000000000, 0x8100000000000000);
        using LinuxProcess process = simulated.Open();
        PageMapEntry run = Assert.Single(new PageMapWalk(process) { JoinRuns = true }.All());
        Assert.Equal(2UL, run.PageCount);
        Assert.True(run is { IsPresent: true, IsPfnHidden: true, IsExclusive: true });
        Assert.Null(run.Pfn);
        Assert.Null(run.PhysicalAddress);
    }

    [Fact]
    public void Without_the_scan_the_same_pages_are_found()
    {
        using SimulatedProcess simulated = new();
        const ulong Pages = 200_000, Start = 0x7f0000000000, Present = 1UL << 63;
        simulated.Write("maps", $"{Start:x}-{Start + Pages * Page.Size:x} rw-p 00000000 00:00 0\n");
        ulong[] touched = [0, 1, 65535, 65536, 131072, Pages - 1];
        foreach (ulong page in touched)
        {
            simulated.WritePageMap(Start + page * Page.Size, Present | (page + 1));
        }

        using LinuxProcess process = simulated.Open();
        Assert.Equal(touched, new PageMapWalk(process).All().Select(page => (page.Address - Start) / Page.Size));
    }

    [Fact]
    public void A_truncated_pagemap_is_an_error()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-402000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, 1UL << 63 | 5);
        using LinuxProcess process = simulated.Open();
        MemProcException error = Assert.Throws<MemProcException>(() => new PageMapWalk(process).All().Count());
        Assert.Equal("ReadPageMap,EFAULT", error.ErrorId);
    }

    [Fact]
    public void Pages_are_in_order_and_an_error_follows_the_earlier_pages()
    {
        const int Pages = 100_000;
        using SimulatedProcess simulated = new();
        ulong end = 0x400000 + Pages * Page.Size;
        simulated.Write("maps", $"400000-{end:x} rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, [.. Enumerable.Range(1, Pages).Select(pfn => (1UL << 63) + (ulong)pfn)]);
        using LinuxProcess process = simulated.Open();
        IEnumerable<(ulong, ulong)> expected =
            Enumerable.Range(0, Pages).Select(index => (0x400000 + (ulong)index * Page.Size, (ulong)index + 1));
        Assert.Equal(expected, new PageMapWalk(process).All().Select(page => (page.Address, page.Pfn!.Value)));

        simulated.Write("maps", $"400000-{end + 0x10000:x} rw-p 00000000 00:00 0\n");
        using LinuxProcess failing = simulated.Open();
        List<(ulong, ulong)> seen = [];
        MemProcException error = Assert.Throws<MemProcException>(() =>
        {
            foreach (PageMapEntry page in new PageMapWalk(failing).All())
            {
                seen.Add((page.Address, page.Pfn!.Value));
            }
        });
        Assert.Equal("ReadPageMap,EFAULT", error.ErrorId);
        Assert.Equal(expected, seen);
    }

    [Fact]
    public void Reading_ends_when_the_caller_stops_early()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("map 0x10000000 rw- private").Address("address");
        using (LinuxProcess process = LinuxProcess.Open(target.ProcessId))
        {
            PageMapWalk walk = new(process) { IncludeEmpty = true };
            Assert.Equal([address, address + Page.Size],
                walk.Range(address, 0x10000000).Take(2).Select(page => page.Address));
        }

        using CancellationTokenSource stop = new();
        using LinuxProcess again = LinuxProcess.Open(target.ProcessId);
        Assert.ThrowsAny<OperationCanceledException>(() =>
        {
            PageMapWalk walk = new(again, stop.Token) { IncludeEmpty = true };
            foreach (PageMapEntry page in walk.Range(address, 0x10000000))
            {
                stop.Cancel();
            }
        });
    }

    [Fact]
    public void A_guard_region_is_neither_swapped_nor_empty()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        Requires.Guard(target, address + Page.Size, Page.Size);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageMapEntry page = Assert.Single(new PageMapWalk(process).Range(address, 4 * Page.Size));
        if (page.IsGuard != true)
        {
            Assert.Skip("needs a pagemap that shows guard regions (Linux 6.15)");
        }

        Assert.Equal(address + Page.Size, page.Address);
        Assert.False(page.IsSwapped);
        Assert.False(page.IsPresent);
        Assert.Null(page.SwapOffset);
        // The same through PAGEMAP_SCAN, which small ranges do not use.
        Assert.Contains(new PageMapWalk(process).All(), one => one.IsGuard == true && one.Address == page.Address);
    }

    [Fact]
    public void Two_processes_have_the_vdso_in_the_same_frame()
    {
        Requires.Root();
        using TargetProcess first = TargetProcess.Start();
        using TargetProcess second = TargetProcess.Start();
        ulong[] frames = [.. new[] { first, second }.Select(target =>
        {
            using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
            ulong vdso = MapReader.Read(process).Single(map => map.Kind == ProcMapKind.Vdso).Start;
            return new PageMapWalk(process).At(vdso).Single().Pfn ?? 0;
        })];
        Assert.NotEqual(0UL, frames[0]);
        Assert.Equal(frames[0], frames[1]);
    }

    [Theory]
    [InlineData(0x1000UL, 0UL, "no bytes")]
    [InlineData(0x1000UL, ulong.MaxValue, "wraps")]
    [InlineData(0xffff_ffff_ffff_f000UL, 0x2000UL, "wraps")]
    [InlineData(0xffff_8000_0000_0000UL, 1UL, "kernel's half")]
    [InlineData(0x7fff_ffff_ffff_f000UL, 0x2000UL, "reaches into the kernel's half")]
    public void Invalid_ranges_are_rejected_before_anything_is_read(ulong address, ulong length, string reason)
    {
        using SimulatedProcess simulated = new();
        using LinuxProcess process = simulated.Open();
        foreach (Action read in new Action[]
        {
            () => _ = new PageMapWalk(process).Range(address, length),
            () => _ = new MemoryReader(process, ReadMethod.ProcessVm).ReadBlocks(address, length).Count(),
        })
        {
            MemProcException error = Assert.Throws<MemProcException>(read);
            Assert.Equal(Errno.EINVAL, error.Errno);
            Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Unmapped_memory_is_an_error_and_not_an_empty_page()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageMapWalk walk = new(process);
        Assert.Equal("FindMap,ENOENT", Assert.Throws<MemProcException>(() => walk.At(0x10).Count()).ErrorId);
        Assert.Equal("FindMap,ENOENT", Assert.Throws<MemProcException>(() => walk.Range(0x10, 8192).Count()).ErrorId);
    }

    [Fact]
    public void The_vsyscall_page_has_no_entry()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0    [vsyscall]\n");
        simulated.WritePageMap(0);
        using LinuxProcess process = simulated.Open();
        PageMapWalk walk = new(process);
        Assert.Empty(walk.All());
        Assert.Empty(walk.Range(0xffffffffff600000, 4096));
        Assert.Equal("ReadPageMap,EINVAL", Assert.Throws<MemProcException>(() => walk.At(0xffffffffff600000).Count()).ErrorId);
    }

    private static ulong Word(TargetProcess target, ulong address)
    {
        using FileStream file = new($"/proc/{target.ProcessId}/pagemap", FileMode.Open, FileAccess.Read, FileShare.Read, 0);
        file.Position = (long)(address / Page.Size * sizeof(ulong));
        byte[] word = new byte[sizeof(ulong)];
        file.ReadExactly(word);
        return BitConverter.ToUInt64(word);
    }
}

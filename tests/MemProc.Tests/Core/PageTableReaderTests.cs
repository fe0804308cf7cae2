using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Compares raw page tables of live processes with pagemap.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class PageTableReaderTests : TargetTests
{
    private const int AdviseHugePage = 14;

    [Fact]
    public void The_last_entry_of_every_kind_of_page_agrees_with_pagemap()
    {
        using PageTableReader reader = Reader();
        using TemporaryFolder folder = new();
        string file = folder.File("file", new byte[2 * Page.Size]);
        ulong anonymous = Target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        Target.Ask($"touch {anonymous} 1");
        ulong shared = Target.Ask($"file 0 {2 * Page.Size} rw- shared {file}").Address("address");
        Target.Ask($"touch {shared} 1");
        ulong zero = Target.Ask($"map {Page.Size} r-- private").Address("address");
        Target.Ask($"peek {zero} 1");
        ulong vdso = MapReader.Read(Process).First(map => map.Kind == ProcMapKind.Vdso).Start;
        ulong code = MapReader.Read(Process).First(map => map.IsExecutable && map.Kind == ProcMapKind.File).Start;
        Target.Ask($"peek {vdso} 1");
        Target.Ask($"peek {code} 1");
        foreach (ulong address in new[] { anonymous + 5, shared + 7, zero, vdso + 64, code + 1 })
        {
            PageTableEntry last = reader.Entries(Process, address)[^1];
            PageMapEntry page = Assert.Single(new PageMapWalk(Process).At(address));
            Assert.True(last is { IsLeaf: true, IsPresent: true });
            Assert.Equal((page.Pfn, page.PhysicalAddress), (last.Pfn, last.PhysicalAddress));
        }

        Assert.True(reader.Entries(Process, anonymous)[^1] is { IsWritable: true, IsUser: true, IsDirty: true });
        Assert.False(reader.Entries(Process, code)[^1].IsNoExecute);
        using FrameTables frames = new();
        Assert.Contains("zero_page", Assert.Single(new PageMapWalk(Process) { Frames = frames }.At(zero)).Flags!);
        // Mapped and never touched; not mapped at all.
        foreach (ulong address in new[] { anonymous + Page.Size, 0x10000UL })
        {
            RawPageMapEntry word = Word(address);
            // Pages of a new mapping are soft-dirty where the kernel keeps these bits.
            Assert.True(word is { IsPopulated: false, Pfn: 0 }, $"{word}");
            Assert.True(reader.Entries(Process, address)[^1] is { IsPresent: false, Entry: 0, Pfn: null });
        }
    }

    [Fact]
    public void Levels_go_from_the_root_down_and_their_indexes_form_the_address()
    {
        using PageTableReader reader = Reader();
        ulong address = Target.Ask("seed").Address("address");
        IReadOnlyList<PageTableEntry> entries = reader.Entries(Process, address);
        Assert.Equal(PageTableLevel.PGD, entries[0].Level);
        Assert.Equal(PageTableLevel.PTE, entries[^1].Level);
        ulong joined = entries.Aggregate(0UL, (sum, entry) => sum + (ulong)entry.Index * entry.CoveredBytes);
        Assert.Equal(MachinePage.Floor(address), joined);
        Assert.All(entries, entry => Assert.Equal(entry.TableAddress + (ulong)entry.IndexBytes, entry.EntryAddress));
        Assert.Single(entries, entry => entry.IsLeaf);
    }

    [Fact]
    public void A_walk_to_a_huge_page_ends_at_the_pmd()
    {
        using PageTableReader reader = Reader();
        const ulong HugeSize = 2 << 20;
        ulong start = Target.Ask($"map {2 * HugeSize} rw- private").Address("address");
        ulong address = (start + HugeSize - 1) / HugeSize * HugeSize;
        Target.Ask($"advise {address} {HugeSize} {AdviseHugePage}");
        Target.Ask($"touch {address} 1");
        PageTableEntry last = reader.Entries(Process, address + 0x12345)[^1];
        Assert.SkipWhen(last.Level == PageTableLevel.PTE, "needs transparent huge pages");
        Assert.Equal((PageTableLevel.PMD, HugeSize), (last.Level, last.PageSizeBytes));
        Assert.Equal(Assert.Single(new PageMapWalk(Process).At(address + 0x12345)).PhysicalAddress, last.PhysicalAddress);
    }

    [Fact]
    public void A_walk_to_a_hugetlb_page_ends_at_the_pmd()
    {
        using PageTableReader reader = Reader();
        string reserved = HugeTlb.Reserved();
        using (HugeTlb huge = HugeTlb.Reserve())
        {
            Assert.NotEqual(reserved, HugeTlb.Reserved());
            // A separate target that releases its page before the reservation ends.
            using TargetProcess target = TargetProcess.Start();
            ulong address = target.Ask($"file 0 {HugeTlb.PageBytes} rw- shared {huge.FilePath}").Address("address");
            target.Ask($"touch {address} 1");
            using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
            PageTableEntry last = reader.Entries(process, address + 0x45000)[^1];
            Assert.Equal(HugeTlb.PageBytes, last.PageSizeBytes);
            Assert.Equal(Assert.Single(new PageMapWalk(process).At(address + 0x45000)).Pfn, last.Pfn);
        }

        // The page is released.
        Assert.Equal(reserved, HugeTlb.Reserved());
    }

    [Fact]
    public void An_entry_without_access_has_its_frame()
    {
        using PageTableReader reader = Reader();
        ulong address = Target.Ask($"map {Page.Size} rw- private").Address("address");
        Target.Ask($"touch {address} 1");
        Target.Ask($"protect {address} {Page.Size} ---");
        PageTableEntry last = reader.Entries(Process, address)[^1];
        Assert.Contains("PROT_NONE", last.Flags);
        Assert.Equal(Assert.Single(new PageMapWalk(Process).At(address)).Pfn, last.Pfn);
    }

    [Fact]
    public void A_guard_region_is_a_marker_without_a_frame()
    {
        using PageTableReader reader = Reader();
        ulong address = Target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        Target.Ask($"touch {address} 2");
        Requires.Guard(Target, address, Page.Size);
        PageTableEntry last = reader.Entries(Process, address)[^1];
        Assert.False(last.IsPresent);
        Assert.False(Word(address).IsPresent);
        Assert.NotEqual(0UL, last.Entry);
        Assert.NotNull(last.SwapType);
    }

    [Fact]
    public void Ten_thousand_random_pages_agree_with_pagemap_while_a_thread_maps_and_unmaps()
    {
        const int Pages = 10_000, AtOnce = 250, MaxRounds = 10_000;
        using PageTableReader reader = Reader();
        TargetReply play = Target.Ask("churn");
        ulong start = play.Address("address"), end = start + play.Number("length");
        Random random = new(1);
        int agreed = 0, played = 0;
        for (int round = 0; agreed < Pages || played < Pages / 4; round++)
        {
            Assert.True(round < MaxRounds, $"{agreed} pages agreed, {played} were among those that come and go");
            ulong[] resident = [.. new ResidentMemory(Process).Ranges(0, 1UL << 47)
                .SelectMany(range => PagesOf(range.Start, range.End))];
            foreach (ulong address in random.GetItems(resident, AtOnce))
            {
                RawPageMapEntry before = Word(address);
                // The reader throws if pagemap does not confirm the entry.
                PageTableEntry last = reader.Entries(Process, address)[^1];
                if (address < start || address >= end)
                {
                    // No thread changes this page: if both pagemap reads agree, it was the same in between.
                    bool isSame = before.IsPresent && before == Word(address);
                    Assert.True(!isSame || before.Pfn == last.Pfn, $"0x{address:x}: {before} and {last.Entry:x}");
                    agreed += isSame ? 1 : 0;
                }
            }

            // Changing pages are walked while they change, then once more while the process is stopped.
            ulong[] changing = random.GetItems(PagesOf(start, end), AtOnce);
            Array.ForEach(changing, address => reader.Entries(Process, address));
            using SuspendedProcess still = SuspendedProcess.Begin(Process);
            foreach (ulong address in changing)
            {
                RawPageMapEntry word = Word(address);
                PageTableEntry last = reader.Entries(Process, address)[^1];
                Assert.Equal((word.IsPresent, word.IsPresent ? word.Pfn : null), (last.IsPresent, last.Pfn));
                played += word.IsPresent ? 1 : 0;
            }
        }

        Assert.Equal(1UL, Target.Ask("still").Number("threads"));
    }

    [Fact]
    public void An_exited_process_is_an_error()
    {
        using PageTableReader reader = Reader();
        ulong address = Target.Ask("seed").Address("address");
        _ = reader.Entries(Process, address);
        Target.Kill();
        Assert.Equal(Errno.ESRCH, Assert.Throws<MemProcException>(() => reader.Entries(Process, address)).Errno);
    }

    [Fact]
    public void A_page_that_became_read_only_is_still_dirty()
    {
        using PageTableReader reader = Reader();
        ulong address = Target.Ask($"map {Page.Size} rw- private").Address("address");
        Target.Ask($"touch {address} 1");
        Target.Ask($"protect {address} {Page.Size} r--");
        Assert.True(reader.Entries(Process, address)[^1] is { IsWritable: false, IsDirty: true, IsPresent: true });
    }

    [Fact]
    public void A_swapped_page_has_the_swap_offset_of_pagemap()
    {
        const int AdvisePageOut = 21;
        using PageTableReader reader = Reader();
        using Swap swap = Swap.On();
        // A separate target that exits before the swap file is removed.
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {64 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 64");
        target.Ask($"advise {address} {64 * Page.Size} {AdvisePageOut}");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageMapEntry? page = new PageMapWalk(process) { Filter = new PageFilter { IsSwapped = true } }
            .Range(address, 64 * Page.Size).FirstOrDefault();
        Assert.SkipWhen(page is null, "the kernel swapped nothing out");
        PageTableEntry last = reader.Entries(process, page.Address)[^1];
        Assert.True(last is { IsPresent: false, IsLeaf: true, PhysicalAddress: null, IsDirty: null });
        Assert.Equal(((uint?)page.SwapType, page.SwapOffset), (last.SwapType, last.SwapOffset));
    }

    [Fact]
    public void A_range_returns_each_last_entry_once()
    {
        using PageTableReader reader = Reader();
        ulong address = Target.Ask("seed").Address("address");
        ulong reserved = Target.Ask("reserve 0x10000000000 3").Address("address");
        PageTableWalk[] walks = [.. reader.WalksIn(Process, address + 5, 2 * Page.Size - 5)];
        Assert.Equal([address + 5, address + Page.Size], walks.Select(walk => walk.Address));
        Assert.Equal(walks.Select(walk => (walk.Entry, walk.Pfn)),
            reader.EntriesIn(Process, address, 2 * Page.Size).Select(entries => (entries[^1].Entry, entries[^1].Pfn)));

        // A terabyte with three pages: empty ranges are skipped by upper-level entries.
        walks = [.. reader.WalksIn(Process, reserved, 1UL << 40)];
        Assert.Equal(3, walks.Count(walk => walk.IsPresent));
        Assert.InRange(walks.Length, 4, 5000);
    }

    [Fact]
    public void A_hundred_thousand_walks_stream_with_bounded_memory()
    {
        using PageTableReader reader = Reader();
        const ulong Pages = 25_000;
        ulong address = Target.Ask($"map {Pages * Page.Size} rw- private").Address("address");
        Target.Ask($"advise {address} {Pages * Page.Size} 15");
        Target.Ask($"touch {address} {Pages}");
        int count = 0;
        for (int round = 0; round < 4; round++)
        {
            List<WeakReference> walks = [];
            foreach (PageTableWalk walk in reader.WalksIn(Process, address, Pages * Page.Size))
            {
                walks.Add(new WeakReference(walk));
                count += walk.Pfn is null ? 0 : 1;
                if (walks.Count == (int)Pages / 2)
                {
                    // Halfway, no returned object is still referenced, except the last.
                    GC.Collect();
                    Assert.InRange(walks.Count(known => known.IsAlive), 0, 2);
                }
            }
        }

        Assert.Equal(100_000, count);
    }

    [Theory]
    [InlineData(0xffff_ffff_ff60_0000, "WalkPageTable,EINVAL")]
    [InlineData(0x7fff_ffff_ffff_f000, "WalkPageTable,EFAULT")]
    public void Addresses_outside_user_space_are_errors(ulong address, string id)
    {
        using PageTableReader reader = Reader();
        Assert.Equal(id, Assert.Throws<MemProcException>(() => reader.Entries(Process, address)).ErrorId);
    }

    private static PageTableReader Reader()
    {
        LiveKernel.Require();
        return new PageTableReader(LiveKernel.Source);
    }

    private static ulong[] PagesOf(ulong start, ulong end) =>
        [.. Enumerable.Range(0, (int)((end - start) / Page.Size)).Select(page => start + (ulong)page * Page.Size)];

    /// <summary>Returns the pagemap entry of an address, mapped or not.</summary>
    private RawPageMapEntry Word(ulong address)
    {
        ulong page = MachinePage.Floor(address);
        return new RawPageMapEntry(new PageMapReader(Process).ReadAll(page, page + MachinePage.SizeBytes).First().Entries.Span[0]);
    }
}

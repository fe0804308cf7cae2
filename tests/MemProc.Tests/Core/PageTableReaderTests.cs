using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Raw page tables of live processes, beside what pagemap says of the same pages.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class PageTableReaderTests
{
    private const int AdviseHugePage = 14;
    private const int AdviseGuardInstall = 102;

    [Fact]
    public void The_last_entry_of_every_kind_of_page_leads_where_pagemap_says()
    {
        LiveKernel.Need();
        using PageTableReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        using TemporaryFolder folder = new();
        string file = folder.File("file", new byte[2 * Page.Size]);
        ulong anonymous = target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {anonymous} 1");
        ulong shared = target.Ask($"file 0 {2 * Page.Size} rw- shared {file}").Address("address");
        target.Ask($"touch {shared} 1");
        ulong zero = target.Ask($"map {Page.Size} r-- private").Address("address");
        target.Ask($"peek {zero} 1");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ulong vdso = MapReader.Read(process).First(map => map.Kind == ProcMapKind.Vdso).Start;
        ulong code = MapReader.Read(process).First(map => map.IsExecutable && map.Kind == ProcMapKind.File).Start;
        target.Ask($"peek {vdso} 1");
        target.Ask($"peek {code} 1");
        foreach (ulong address in new[] { anonymous + 5, shared + 7, zero, vdso + 64, code + 1 })
        {
            PageTableEntry last = reader.Entries(process, address)[^1];
            PageMapEntry page = Assert.Single(new PageMapWalk(process).At(address));
            Assert.True(last is { IsLeaf: true, IsPresent: true });
            Assert.Equal((page.Pfn, page.PhysicalAddress), (last.Pfn, last.PhysicalAddress));
        }

        Assert.True(reader.Entries(process, anonymous)[^1] is { IsWritable: true, IsUser: true, IsDirty: true });
        Assert.False(reader.Entries(process, code)[^1].IsNoExecute);
        using FrameTables frames = new();
        Assert.Contains("zero_page", Assert.Single(new PageMapWalk(process) { Frames = frames }.At(zero)).Flags!);
        // Mapped and never touched; not mapped at all.
        foreach (ulong address in new[] { anonymous + Page.Size, 0x10000UL })
        {
            Assert.Equal(new PageMapWord(0), Word(process, address));
            Assert.True(reader.Entries(process, address)[^1] is { IsPresent: false, Entry: 0, Pfn: null });
        }
    }

    [Fact]
    public void The_levels_go_from_the_root_down_and_their_indexes_are_the_address()
    {
        LiveKernel.Need();
        using PageTableReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        IReadOnlyList<PageTableEntry> entries = reader.Entries(process, address);
        Assert.Equal(PageTableLevel.PGD, entries[0].Level);
        Assert.Equal(PageTableLevel.PTE, entries[^1].Level);
        ulong joined = entries.Aggregate(0UL, (sum, entry) => sum + (ulong)entry.Index * entry.CoveredBytes);
        Assert.Equal(MachinePage.Floor(address), joined);
        Assert.All(entries, entry => Assert.Equal(entry.TableAddress + (ulong)entry.IndexBytes, entry.EntryAddress));
        Assert.Single(entries, entry => entry.IsLeaf);
    }

    [Fact]
    public void A_huge_page_ends_at_the_middle_directory()
    {
        LiveKernel.Need();
        using PageTableReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        const ulong HugeSize = 2 << 20;
        ulong start = target.Ask($"map {2 * HugeSize} rw- private").Address("address");
        ulong address = (start + HugeSize - 1) / HugeSize * HugeSize;
        target.Ask($"advise {address} {HugeSize} {AdviseHugePage}");
        target.Ask($"touch {address} 1");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageTableEntry last = reader.Entries(process, address + 0x12345)[^1];
        Assert.SkipWhen(last.Level == PageTableLevel.PTE, "needs transparent huge pages");
        Assert.Equal((PageTableLevel.PMD, HugeSize), (last.Level, last.PageSizeBytes));
        Assert.Equal(Assert.Single(new PageMapWalk(process).At(address + 0x12345)).PhysicalAddress, last.PhysicalAddress);
    }

    [Fact]
    public void A_hugetlb_page_ends_at_the_middle_directory()
    {
        LiveKernel.Need();
        using PageTableReader reader = new();
        string reserved = HugeTlb.Reserved();
        using (HugeTlb huge = HugeTlb.Reserve())
        {
            Assert.NotEqual(reserved, HugeTlb.Reserved());
            using TargetProcess target = TargetProcess.Start();
            ulong address = target.Ask($"file 0 {HugeTlb.PageBytes} rw- shared {huge.FilePath}").Address("address");
            target.Ask($"touch {address} 1");
            using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
            PageTableEntry last = reader.Entries(process, address + 0x45000)[^1];
            Assert.Equal(HugeTlb.PageBytes, last.PageSizeBytes);
            Assert.Equal(Assert.Single(new PageMapWalk(process).At(address + 0x45000)).Pfn, last.Pfn);
        }

        // Given back.
        Assert.Equal(reserved, HugeTlb.Reserved());
    }

    [Fact]
    public void A_page_without_access_still_leads_to_its_frame()
    {
        LiveKernel.Need();
        using PageTableReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 1");
        target.Ask($"protect {address} {Page.Size} ---");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageTableEntry last = reader.Entries(process, address)[^1];
        Assert.Contains("PROT_NONE", last.Flags);
        Assert.Equal(Assert.Single(new PageMapWalk(process).At(address)).Pfn, last.Pfn);
    }

    [Fact]
    public void A_guard_is_a_marker_that_leads_nowhere()
    {
        LiveKernel.Need();
        using PageTableReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 2");
        try
        {
            target.Ask($"advise {address} {Page.Size} {AdviseGuardInstall}");
        }
        catch (TargetException)
        {
            Assert.Skip("needs guard regions (Linux 6.13)");
        }

        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageTableEntry last = reader.Entries(process, address)[^1];
        Assert.False(last.IsPresent);
        Assert.False(Word(process, address).IsPresent);
        Assert.NotEqual(0UL, last.Entry);
        Assert.NotNull(last.SwapType);
    }

    [Fact]
    public void Ten_thousand_random_pages_agree_with_pagemap_while_a_thread_maps_and_unmaps()
    {
        const int Pages = 10_000, AtOnce = 250, MostRounds = 10_000;
        LiveKernel.Need();
        using PageTableReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        TargetReply play = target.Ask("churn");
        ulong start = play.Address("address"), end = start + play.Number("length");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Random random = new(1);
        int agreed = 0, played = 0;
        for (int round = 0; agreed < Pages || played < Pages / 4; round++)
        {
            Assert.True(round < MostRounds, $"{agreed} pages agreed, {played} were among those that come and go");
            ulong[] resident = [.. new ResidentMemory(process).Ranges(0, 1UL << 47)
                .SelectMany(range => PagesOf(range.Start, range.End))];
            foreach (ulong address in random.GetItems(resident, AtOnce))
            {
                PageMapWord before = Word(process, address);
                // What the reader does not find confirmed by pagemap it throws.
                PageTableEntry last = reader.Entries(process, address)[^1];
                if (address < start || address >= end)
                {
                    // Nobody plays with it: what stayed the same was so in between.
                    bool isSame = before.IsPresent && before == Word(process, address);
                    Assert.True(!isSame || before.Pfn == last.Pfn, $"0x{address:x}: {before} and {last.Entry:x}");
                    agreed += isSame ? 1 : 0;
                }
            }

            // Those that come and go are walked to while they do so; then once more, wherever the thread stops.
            ulong[] changing = random.GetItems(PagesOf(start, end), AtOnce);
            Array.ForEach(changing, address => reader.Entries(process, address));
            using SuspendedProcess still = SuspendedProcess.Begin(process);
            foreach (ulong address in changing)
            {
                PageMapWord word = Word(process, address);
                PageTableEntry last = reader.Entries(process, address)[^1];
                Assert.Equal((word.IsPresent, word.IsPresent ? word.Pfn : null), (last.IsPresent, last.Pfn));
                played += word.IsPresent ? 1 : 0;
            }
        }

        Assert.Equal(1UL, target.Ask("still").Number("threads"));
    }

    [Fact]
    public void A_process_that_has_ended_is_an_error()
    {
        LiveKernel.Need();
        using PageTableReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        _ = reader.Entries(process, address);
        target.Kill();
        Assert.Equal(Errno.ESRCH, Assert.Throws<MemProcException>(() => reader.Entries(process, address)).Errno);
    }

    [Fact]
    public void A_page_that_lost_its_write_access_is_still_dirty()
    {
        LiveKernel.Need();
        using PageTableReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 1");
        target.Ask($"protect {address} {Page.Size} r--");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.True(reader.Entries(process, address)[^1] is { IsWritable: false, IsDirty: true, IsPresent: true });
    }

    [Fact]
    public void A_swapped_page_has_the_place_that_pagemap_tells()
    {
        const int AdvisePageOut = 21;
        LiveKernel.Need();
        using PageTableReader reader = new();
        using Swap swap = Swap.On();
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
    public void A_range_meets_each_last_entry_once()
    {
        LiveKernel.Need();
        using PageTableReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        ulong reserved = target.Ask("reserve 0x10000000000 3").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageTableWalk[] walks = [.. reader.WalksIn(process, address + 5, 2 * Page.Size - 5)];
        Assert.Equal([address + 5, address + Page.Size], walks.Select(walk => walk.Address));
        Assert.Equal(walks.Select(walk => (walk.Entry, walk.Pfn)),
            reader.EntriesIn(process, address, 2 * Page.Size).Select(entries => (entries[^1].Entry, entries[^1].Pfn)));

        // A terabyte with three pages: what is empty is passed over by the entries that are.
        walks = [.. reader.WalksIn(process, reserved, 1UL << 40)];
        Assert.Equal(3, walks.Count(walk => walk.IsPresent));
        Assert.InRange(walks.Length, 4, 5000);
    }

    [Fact]
    public void A_hundred_thousand_walks_stream_with_bounded_memory()
    {
        LiveKernel.Need();
        using PageTableReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        const ulong Pages = 25_000;
        ulong address = target.Ask($"map {Pages * Page.Size} rw- private").Address("address");
        target.Ask($"advise {address} {Pages * Page.Size} 15");
        target.Ask($"touch {address} {Pages}");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        int count = 0;
        for (int round = 0; round < 4; round++)
        {
            List<WeakReference> walks = [];
            foreach (PageTableWalk walk in reader.WalksIn(process, address, Pages * Page.Size))
            {
                walks.Add(new WeakReference(walk));
                count += walk.Pfn is null ? 0 : 1;
                if (walks.Count == (int)Pages / 2)
                {
                    // Half-way: those that were handed out are kept by nobody, but for the last.
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
    public void Addresses_that_no_process_has_are_errors(ulong address, string id)
    {
        LiveKernel.Need();
        using PageTableReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.Equal(id, Assert.Throws<MemProcException>(() => reader.Entries(process, address)).ErrorId);
    }

    private static ulong[] PagesOf(ulong start, ulong end) =>
        [.. Enumerable.Range(0, (int)((end - start) / Page.Size)).Select(page => start + (ulong)page * Page.Size)];

    /// <summary>What pagemap says of the page of an address, whether anything is mapped there or not.</summary>
    private static PageMapWord Word(LinuxProcess process, ulong address)
    {
        ulong page = MachinePage.Floor(address);
        return new PageMapWord(new PageMapReader(process).ReadAll(page, page + MachinePage.SizeBytes).First().Words.Span[0]);
    }
}

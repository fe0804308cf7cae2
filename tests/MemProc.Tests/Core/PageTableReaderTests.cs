using System.Globalization;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Raw page tables of live processes, beside what pagemap says of the same pages.</summary>
public sealed class PageTableReaderTests
{
    private const int AdviseHugePage = 14;
    private const int AdviseGuardInstall = 102;

    [Fact]
    public void The_last_entry_of_every_kind_of_page_leads_where_pagemap_says()
    {
        using PageTableReader reader = Open();
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
        Assert.False(reader.Entries(process, anonymous + Page.Size)[^1].IsPresent);
        Assert.False(reader.Entries(process, 0x10000)[^1].IsPresent);
    }

    [Fact]
    public void The_levels_go_from_the_root_down_and_their_indexes_are_the_address()
    {
        using PageTableReader reader = Open();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        IReadOnlyList<PageTableEntry> entries = reader.Entries(process, address);
        Assert.Equal(PageTableLevel.PGD, entries[0].Level);
        Assert.Equal(PageTableLevel.PTE, entries[^1].Level);
        ulong joined = entries.Aggregate(0UL, (sum, entry) => sum + (ulong)entry.Index * entry.SizeBytes);
        Assert.Equal(MachinePage.Floor(address), joined);
        Assert.All(entries, entry => Assert.Equal(entry.TableAddress + (ulong)entry.IndexBytes, entry.EntryAddress));
        Assert.Single(entries, entry => entry.IsLeaf);
    }

    [Fact]
    public void A_huge_page_ends_at_the_middle_directory()
    {
        using PageTableReader reader = Open();
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
        using PageTableReader reader = Open();
        using HugeTlb huge = HugeTlb.Reserve();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"file 0 {HugeTlb.PageBytes} rw- shared {huge.FilePath}").Address("address");
        target.Ask($"touch {address} 1");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageTableEntry last = reader.Entries(process, address + 0x45000)[^1];
        Assert.Equal(HugeTlb.PageBytes, last.PageSizeBytes);
        Assert.Equal(Assert.Single(new PageMapWalk(process).At(address + 0x45000)).Pfn, last.Pfn);
    }

    [Fact]
    public void A_page_without_access_still_leads_to_its_frame()
    {
        using PageTableReader reader = Open();
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
        using PageTableReader reader = Open();
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
        Assert.NotEqual(0UL, last.Entry);
        Assert.NotNull(last.SwapType);
    }

    [Fact]
    public void Ten_thousand_pages_agree_with_pagemap_while_a_thread_maps_and_unmaps()
    {
        using PageTableReader reader = Open();
        using TargetProcess target = TargetProcess.Start();
        target.Ask("churn");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        int seen = 0;
        for (int round = 0; seen < 10_000; round++)
        {
            foreach (ResidentRange range in new ResidentMemory(process).Ranges(0, 1UL << 47))
            {
                for (ulong address = range.Start; address < range.End; address += Page.Size)
                {
                    try
                    {
                        // The reader compares with pagemap itself, and throws where they never agree.
                        seen += reader.Entries(process, address)[^1].IsPresent ? 1 : 0;
                    }
                    catch (MemProcException error) when (error.Errno == Errno.EFAULT)
                    {
                        // Unmapped since, together with its tables.
                    }
                }
            }
        }

        target.Ask("still");
        Assert.True(seen >= 10_000);
    }

    [Fact]
    public void A_process_that_has_ended_is_an_error()
    {
        using PageTableReader reader = Open();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        _ = reader.Entries(process, address);
        target.Kill();
        Assert.Equal(Errno.ESRCH, Assert.Throws<MemProcException>(() => reader.Entries(process, address)).Errno);
    }

    [Fact]
    public void The_memory_map_says_what_proc_stat_says()
    {
        using PageTableReader reader = Open();
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        KernelMemoryMap map = KernelMemoryMap.Of(process);
        string stat = File.ReadAllText($"/proc/{target.ProcessId}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        ulong Field(int number) => ulong.Parse(fields[number - 3], CultureInfo.InvariantCulture);
        Assert.Equal(
            (Field(26), Field(27), Field(28), Field(45), Field(46), Field(47), Field(48), Field(49), Field(50), Field(51)),
            (map.StartCode, map.EndCode, map.StartStack, map.StartData, map.EndData, map.StartBrk, map.ArgStart,
                map.ArgEnd, map.EnvStart, map.EnvEnd));
        Assert.NotEqual(map.MmAddress, map.TaskAddress);
        Assert.True(map.PageTableAddress > 1UL << 63);
        // The page of old system calls is in the list, and in no process.
        Assert.Equal((uint)MapReader.Read(process).Count(mapping => mapping.Kind != ProcMapKind.Vsyscall), map.MapCount);
    }

    [Fact]
    public void Kernel_vmas_are_the_list_of_mappings()
    {
        using KernelVmaReader reader = OpenVmas();
        using TargetProcess target = TargetProcess.Start();
        target.Ask("vmas 3000");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ProcMap[] maps = [.. MapReader.Read(process).Where(map => map.Kind != ProcMapKind.Vsyscall)];
        IReadOnlyList<KernelVma> vmas = reader.Read(process);
        Assert.Equal(
            maps.Select(map => (map.Start, map.End, map.Permissions, map.Offset, map.Inode)),
            vmas.Select(vma => (vma.Start, vma.End, vma.Permissions, vma.Offset, vma.Inode)));
        Assert.Equal(maps.Where(map => map.Inode != 0).Select(map => map.Device),
            vmas.Where(vma => vma.Inode != 0).Select(vma => vma.Device));
        Assert.Equal(vmas.Count, vmas.Select(vma => vma.KernelAddress).Distinct().Count());
        Assert.Single(vmas.Select(vma => vma.MmAddress).Distinct());
    }

    [Fact]
    public void Two_thousand_lists_of_a_process_that_maps_all_the_time_are_whole()
    {
        using KernelVmaReader reader = OpenVmas();
        using TargetProcess target = TargetProcess.Start();
        target.Ask("churn");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        for (int round = 0; round < 2000; round++)
        {
            IReadOnlyList<KernelVma> vmas = reader.Read(process);
            Assert.All(vmas.Zip(vmas.Skip(1)), pair => Assert.True(pair.First.End <= pair.Second.Start));
            // Mapped and unmapped by the thread is one mapping, or two when it has split it.
            Assert.Contains(vmas, vma => vma.Permissions == "r-xp");
        }

        target.Ask("still");
        Assert.Equal(
            MapReader.Read(process).Where(map => map.Kind != ProcMapKind.Vsyscall).Select(map => (map.Start, map.End)),
            reader.Read(process).Select(vma => (vma.Start, vma.End)));
    }

    private static PageTableReader Open() => Try(() => new PageTableReader());

    private static KernelVmaReader OpenVmas() => Try(() => new KernelVmaReader());

    private static T Try<T>(Func<T> open)
    {
        Need.Root();
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
}

using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests memory policies, and the nodes of mappings and pages.</summary>
public sealed class NumaTests
{
    [Fact]
    public void Every_number_and_word_of_the_kernel_is_kept()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", """
            1000-3000 rw-p 00000000 00:00 0
            4000-6000 rw-p 00000000 00:00 0                          [heap]
            200000-600000 rw-s 00000000 00:0f 7                      /anon_hugepage
            700000-701000 r--p 00000000 00:00 0

            """);
        simulated.Write("numa_maps", """
            1000 bind:0-1 anon=2 dirty=1 mapped=3 mapmax=5 swapcache=6 active=0 writeback=4 N1=1 N0=1 kernelpagesize_kB=4 newer=9 word other=x:y
            3000 default N0=1 kernelpagesize_kB=4
            4000 prefer (many):0 heap N0=2 kernelpagesize_kB=4
            200000 interleave:0 file=/anon_hugepage\040x huge dirty=1 N0=1 kernelpagesize_kB=2048

            """);
        using LinuxProcess process = simulated.Open();
        ProcMapNuma[] maps = [.. MapSelection.ReadNuma(process, null, new MapFilter(), default)];
        Assert.Equal(["bind:0-1", "prefer (many):0", "interleave:0", null], maps.Select(map => map.Policy));
        ProcMapNuma first = maps[0];
        Assert.Equal([4096UL, 4096UL], new[] { first.NodeBytes[0], first.NodeBytes[1] });
        Assert.Equal("N0=4 KiB N1=4 KiB", first.NodeText);
        Assert.Equal((8192UL, 8192UL, 4096UL, 5UL, 24576UL, 0UL, 16384UL), (first.ResidentBytes, first.AnonymousBytes,
            first.DirtyBytes, first.MaxMapCount, first.SwapCacheBytes, first.ActiveBytes, first.WritebackBytes));
        Assert.Equal(9UL, first.Counters["newer"]);
        Assert.Equal(["word", "other=x:y"], first.Words);
        Assert.Equal(["heap"], maps[1].Words);
        Assert.Null(maps[1].ActiveBytes);
        Assert.Equal(["huge"], maps[2].Words);
        // Pages of hugetlbfs are counted in their own size.
        Assert.Equal((2UL << 20, 2UL << 20), (maps[2].ResidentBytes, maps[2].KernelPageSizeBytes));
        // The list has no line for a mapping that was made after it was read.
        Assert.Null(maps[3].ResidentBytes);
        Assert.Empty(maps[3].NodeBytes);
    }

    [Fact]
    public void Kernels_without_nodes_are_named()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "1000-3000 rw-p 00000000 00:00 0\n");
        using LinuxProcess process = simulated.Open();
        MemProcException error = Assert.Throws<MemProcException>(
            () => MapSelection.ReadNuma(process, null, new MapFilter(), default).ToArray());
        Assert.Equal("ReadMaps,ENOENT", error.ErrorId);
        Assert.Contains("CONFIG_NUMA", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nodes_of_mappings_have_the_resident_bytes_of_smaps()
    {
        RequireNodes();
        using TargetProcess target = TargetProcess.Start();
        target.Ask("seed");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using SuspendedProcess stopped = SuspendedProcess.Begin(process);
        Dictionary<ulong, ProcMapDetail> details = MapReader.ReadDetailed(process).ToDictionary(map => map.Start);
        int resident = 0;
        // The kernel's own pages, such as those of the vDSO, are of no node here.
        foreach (ProcMapNuma map in MapSelection.ReadNuma(process, null, new MapFilter(), default)
            .Where(map => map.Kind is not (ProcMapKind.Vdso or ProcMapKind.Vvar or ProcMapKind.Vsyscall)))
        {
            Assert.Equal((map.Start, details[map.Start].RssBytes), (map.Start, map.ResidentBytes));
            Assert.Equal((map.Start, details[map.Start].AnonymousBytes), (map.Start, map.AnonymousBytes ?? 0));
            resident += map.ResidentBytes > 0 ? 1 : 0;
        }

        Assert.True(resident > 20, $"only {resident} mappings are resident");
    }

    [Fact]
    public void Nodes_of_pages_are_read_in_one_call_and_add_up_to_those_of_the_mapping()
    {
        RequireNodes();
        using TargetProcess target = TargetProcess.Start();
        const int Pages = 5000;
        ulong address = target.Ask($"map {Pages * Page.Size} rw- private").Address("address");
        target.Ask($"advise {address} {Pages * Page.Size} 15");
        target.Ask($"touch {address} {Pages / 2} 2");
        // Reading maps the zero page, which has no node.
        target.Ask($"peek {address + Page.Size} 1");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageMapEntry[] pages = [.. new PageMapWalk(process) { WithNodes = true, IncludeEmpty = true }
            .Range(address, Pages * Page.Size)];
        Assert.Equal(Pages, pages.Length);
        Assert.Equal((null, Errno.EFAULT), (pages[1].Node, pages[1].NodeErrno));
        Assert.Equal((null, (Errno?)null), (pages[3].Node, pages[3].NodeErrno));
        ProcMapNuma map = MapSelection.ReadNuma(process, address, new MapFilter(), default).Single();
        Assert.Equal(map.NodeBytes.OrderBy(node => node.Key).Select(node => (node.Key, node.Value)),
            pages.Where(page => page.Node is not null).GroupBy(page => page.Node!.Value).OrderBy(node => node.Key)
                .Select(node => (node.Key, (ulong)node.Count() * Page.Size)));
        PageMapEntry single = new PageMapWalk(process) { WithNodes = true }.At(address + 5).Single();
        Assert.Equal(pages[0].Node, single.Node);
        // Without the request, nothing is known.
        Assert.Null(new PageMapWalk(process).At(address).Single().Node);
    }

    [Fact]
    public void Pages_of_a_process_of_another_namespace_have_no_node()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "1000-3000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x1000, 1UL << 63 | 5, 0);
        using LinuxProcess process = simulated.Open();
        Assert.Equal("ReadNodes,EOPNOTSUPP", Assert.Throws<MemProcException>(
            () => new PageMapWalk(process) { WithNodes = true }.All().ToArray()).ErrorId);
    }

    [Fact]
    public void Each_page_has_its_own_result()
    {
        RequireNodes();
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Span<int> status = stackalloc int[1];
        Assert.Equal(Errno.None, Libc.TryGetNodes(target.ProcessId, [address], status));
        Assert.True(status[0] >= 0);
        Assert.Equal(Errno.None, Libc.TryGetNodes(target.ProcessId, [0x1000], status));
        Assert.Equal(-(int)Errno.EFAULT, status[0]);
        Assert.Equal(Errno.ESRCH, Libc.TryGetNodes(int.MaxValue, [address], status));
    }

    private static void RequireNodes() =>
        Assert.SkipUnless(File.Exists("/proc/self/numa_maps"), "needs CONFIG_NUMA");
}

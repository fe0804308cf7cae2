namespace MemProc.Tests;

/// <summary>vm_area_structs of live processes, beside the kernel's own text.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class KernelVmaReaderTests
{
    /// <summary>Advice to madvise(2) that shows in the flags of a mapping.</summary>
    private static readonly int[] Advices = [1, 2, 10, 12, 14, 15, 16, 18];

    /// <summary>What an overlay is made of, and where it is seen.</summary>
    private static readonly string[] Layers = ["lower", "upper", "work", "merged"];

    [Fact]
    public void Kernel_vmas_are_the_list_of_mappings()
    {
        LiveKernel.Need();
        using KernelVmaReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        target.Ask("vmas 3000");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        // The runtime of the target maps something now and then.
        using ProcessStop still = ProcessStop.Hold(process);
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
        LiveKernel.Need();
        using KernelVmaReader reader = new();
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
        using ProcessStop still = ProcessStop.Hold(process);
        Assert.Equal(
            MapReader.Read(process).Where(map => map.Kind != ProcMapKind.Vsyscall).Select(map => (map.Start, map.End)),
            reader.Read(process).Select(vma => (vma.Start, vma.End)));
    }

    [Fact]
    public void The_names_of_flags_are_those_of_smaps()
    {
        LiveKernel.Need();
        Dictionary<string, string> names = new()
        {
            ["rd"] = "READ", ["wr"] = "WRITE", ["ex"] = "EXEC", ["sh"] = "SHARED", ["mr"] = "MAYREAD", ["mw"] = "MAYWRITE",
            ["me"] = "MAYEXEC", ["ms"] = "MAYSHARE", ["gd"] = "GROWSDOWN", ["pf"] = "PFNMAP", ["lo"] = "LOCKED",
            ["io"] = "IO", ["sr"] = "SEQ_READ", ["rr"] = "RAND_READ", ["dc"] = "DONTCOPY", ["de"] = "DONTEXPAND",
            ["lf"] = "LOCKONFAULT", ["ac"] = "ACCOUNT", ["nr"] = "NORESERVE", ["ht"] = "HUGETLB", ["sf"] = "SYNC",
            ["wf"] = "WIPEONFORK", ["dd"] = "DONTDUMP", ["sd"] = "SOFTDIRTY", ["mm"] = "MIXEDMAP", ["hg"] = "HUGEPAGE",
            ["nh"] = "NOHUGEPAGE", ["mg"] = "MERGEABLE", ["um"] = "UFFD_MISSING", ["uw"] = "UFFD_WP",
        };
        using KernelVmaReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        foreach (int advice in Advices)
        {
            ulong address = target.Ask($"map {4 * Page.Size} rw- private").Address("address");
            try
            {
                target.Ask($"advise {address} {4 * Page.Size} {advice}");
            }
            catch (TargetException)
            {
                // This kernel does not take it; the others are enough.
            }
        }

        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using ProcessStop still = ProcessStop.Hold(process);
        Dictionary<ulong, string[]> told = MapReader.Select(process, null, detailed: true, new MapFilter(), default)
            .Cast<ProcMapDetail>().ToDictionary(map => map.Start, map => map.VmFlags.ToArray());
        IReadOnlyList<KernelVma> vmas = reader.Read(process);
        Assert.Contains(vmas, vma => vma.Flags.Contains("DONTDUMP"));
        Assert.All(vmas, vma => Assert.Equal(
            told[vma.Start].Where(names.ContainsKey).Select(flag => names[flag]).Order(), vma.Flags.Order()));
    }

    [Fact]
    public void A_file_in_a_file_system_above_another_is_the_one_that_the_user_opened()
    {
        LiveKernel.Need();
        using KernelVmaReader reader = new();
        using TemporaryFolder folder = new();
        string[] parts = [.. Layers.Select(name => Path.Combine(folder.Path, name))];
        Array.ForEach(parts, part => Directory.CreateDirectory(part));
        File.WriteAllBytes(Path.Combine(parts[0], "file"), new byte[Page.Size]);
        (int exitCode, _, string errors) = Shell.Try(Need.Tool("mount"), ["-t", "overlay", "none", "-o",
            $"lowerdir={parts[0]},upperdir={parts[1]},workdir={parts[2]}", parts[3]]);
        Assert.SkipWhen(exitCode != 0, $"needs overlayfs: {errors}");
        try
        {
            using TargetProcess target = TargetProcess.Start();
            ulong address = target.Ask($"file 0 {Page.Size} r-- private {parts[3]}/file").Address("address");
            using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
            ProcMap map = Assert.Single(MapReader.Between(process, address, address + 1));
            KernelVma vma = reader.Read(process, address);
            Assert.Equal((map.Inode, map.Device), (vma.Inode, vma.Device));
        }
        finally
        {
            Shell.Run(Need.Tool("umount"), parts[3]);
        }
    }

    [Fact]
    public void An_address_in_no_mapping_is_an_error()
    {
        LiveKernel.Need();
        using KernelVmaReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.Equal("FindMap,ENOENT", Assert.Throws<MemProcException>(() => reader.Read(process, 0x10)).ErrorId);
    }
}

namespace MemProc.Tests;

/// <summary>Compares vm_area_structs of live processes with the kernel's maps.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class KernelVmaReaderTests
{
    private const int DoNotDump = 16;

    /// <summary>Mappings of one page each that change together.</summary>
    private const int WallPages = 80;

    /// <summary>Advice of madvise(2) that sets flags of a mapping.</summary>
    private static readonly int[] Advices = [1, 2, 10, 12, 14, 15, 16, 18];

    /// <summary>Settings of the target's runtime: no tiered compilation, and no second mapping of code.</summary>
    private static readonly string[] QuietRuntime = ["DOTNET_TieredCompilation=0", "DOTNET_EnableWriteXorExecute=0"];

    /// <summary>The layers and the mount point of an overlay.</summary>
    private static readonly string[] Layers = ["lower", "upper", "work", "merged"];

    [Fact]
    public void Kernel_vmas_equal_the_list_of_mappings()
    {
        LiveKernel.Require();
        using KernelVmaReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        target.Ask("vmas 3000");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        // The runtime of the target maps memory from time to time.
        using ProcessStop still = ProcessStop.Begin(process);
        ProcMap[] maps = [.. MapReader.Read(process).Where(map => map.Kind != ProcMapKind.Vsyscall)];
        IReadOnlyList<KernelVma> vmas = reader.Read(process);
        Assert.Equal(Maps(process), Vmas(reader, process));
        Assert.Equal(maps.Where(map => map.Inode != 0).Select(map => map.Device),
            vmas.Where(vma => vma.Inode != 0).Select(vma => vma.Device));
        Assert.Equal(vmas.Count, vmas.Select(vma => vma.KernelAddress).Distinct().Count());
        Assert.Single(vmas.Select(vma => vma.MmAddress).Distinct());
    }

    [Fact]
    public void Two_thousand_lists_of_a_process_that_keeps_mapping_equal_its_maps()
    {
        const int Lists = 2000;
        LiveKernel.Require();
        using KernelVmaReader reader = new();
        using TargetProcess target = TargetProcess.Start([Requires.Tool("env"), .. QuietRuntime]);
        // The mappings are not merged, since every other one has MADV_DONTDUMP. The thread changes all in one call.
        ulong wall = target.Ask($"map {WallPages * Page.Size} rw- private").Address("address");
        ulong wallEnd = wall + WallPages * Page.Size;
        for (ulong page = wall; page < wallEnd; page += 2 * Page.Size)
        {
            target.Ask($"advise {page} {Page.Size} {DoNotDump}");
        }

        TargetReply play = target.Ask($"churn {wall} {wallEnd - wall}");
        ulong start = play.Address("address"), end = start + play.Number("length");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        HashSet<(ulong Start, ulong End)> states = [];
        Mapping[] before = [.. Maps(process).Where(IsOutside)];
        int compared = 0, settled = 0;
        for (int list = 0; list < Lists; list++)
        {
            // While the thread maps: memory outside its range equals maps before and after; its range is in one of the
            // thread's states, not a mixture of two.
            Mapping[] moving = Vmas(reader, process);
            Mapping[] inPlay = [.. moving.Where(mapping => mapping.End > start && mapping.Start < end)];
            Assert.True(IsState(inPlay), string.Join('\n', inPlay.Select(mapping => mapping.ToString())));
            states.UnionWith(inPlay.Select(mapping => (mapping.Start, mapping.End)));
            Mapping[] bricks = [.. moving.Where(mapping => mapping.Start >= wall && mapping.End <= wallEnd)];
            Assert.Equal(WallPages, bricks.Length);
            Assert.Single(bricks.Select(mapping => mapping.Permissions).Distinct());

            // While it is stopped, at any point: everything equals maps.
            using SuspendedProcess still = SuspendedProcess.Begin(process);
            Mapping[] maps = Maps(process);
            AssertSame(maps, Vmas(reader, process));
            compared++;
            Mapping[] after = [.. maps.Where(IsOutside)];
            if (before.SequenceEqual(after))
            {
                AssertSame(after, [.. moving.Where(IsOutside)]);
                settled++;
            }

            before = after;
        }

        Assert.Equal(Lists, compared);
        Assert.Equal(1UL, target.Ask("still").Number("threads"));
        // Only this thread mapped memory during the test.
        Assert.InRange(states.Count, 100, int.MaxValue);
        Assert.InRange(settled, Lists / 2, Lists);

        bool IsOutside(Mapping mapping) =>
            (mapping.End <= start || mapping.Start >= end) && (mapping.End <= wall || mapping.Start >= wallEnd);
    }

    [Fact]
    public void Flag_names_are_those_of_smaps()
    {
        LiveKernel.Require();
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
                // This kernel does not support this advice; the others are enough.
            }
        }

        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using ProcessStop still = ProcessStop.Begin(process);
        Dictionary<ulong, string[]> reported = MapSelection.Read(process, null, detailed: true, new MapFilter(), default)
            .Cast<ProcMapDetail>().ToDictionary(map => map.Start, map => map.VmFlags.ToArray());
        IReadOnlyList<KernelVma> vmas = reader.Read(process);
        Assert.Contains(vmas, vma => vma.Flags.Contains("DONTDUMP"));
        Assert.All(vmas, vma => Assert.Equal(
            reported[vma.Start].Where(names.ContainsKey).Select(flag => names[flag]).Order(), vma.Flags.Order()));
    }

    [Fact]
    public void A_file_on_an_overlay_is_the_one_that_the_user_opened()
    {
        LiveKernel.Require();
        using KernelVmaReader reader = new();
        using TemporaryFolder folder = new();
        string[] parts = [.. Layers.Select(name => Path.Combine(folder.Path, name))];
        Array.ForEach(parts, part => Directory.CreateDirectory(part));
        File.WriteAllBytes(Path.Combine(parts[0], "file"), new byte[Page.Size]);
        (int exitCode, _, string errors) = Shell.Try(Requires.Tool("mount"), ["-t", "overlay", "none", "-o",
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
            Shell.Run(Requires.Tool("umount"), parts[3]);
        }
    }

    [Fact]
    public void An_unmapped_address_is_an_error()
    {
        LiveKernel.Require();
        using KernelVmaReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.Equal("FindMap,ENOENT", Assert.Throws<MemProcException>(() => reader.Read(process, 0x10)).ErrorId);
    }

    /// <summary>Asserts that lists are equal, member by member only if they differ (thousands of long lists).</summary>
    private static void AssertSame(Mapping[] expected, Mapping[] actual)
    {
        if (!expected.AsSpan().SequenceEqual(actual))
        {
            Assert.Equal(expected, actual);
        }
    }

    private static Mapping[] Maps(LinuxProcess process) => [.. MapReader.Read(process)
        .Where(map => map.Kind != ProcMapKind.Vsyscall)
        .Select(map => new Mapping(map.Start, map.End, map.Permissions, map.Offset, map.Inode))];

    private static Mapping[] Vmas(KernelVmaReader reader, LinuxProcess process) => [.. reader.Read(process)
        .Select(vma => new Mapping(vma.Start, vma.End, vma.Permissions, vma.Offset, vma.Inode))];

    /// <summary>Returns whether mappings are a state of the target's <c>churn</c> thread.</summary>
    private static bool IsState(Mapping[] mappings) => mappings switch
    {
        [] => true,
        [{ Permissions: "rw-p" }] => true,
        [{ Permissions: "r--p" } first, { Permissions: "rw-p" } second] => first.End == second.Start
            && first.Pages == (first.Pages + second.Pages) / 2,
        _ => false,
    };

    private readonly record struct Mapping(ulong Start, ulong End, string Permissions, ulong Offset, ulong Inode)
    {
        public ulong Pages => (End - Start) / Page.Size;
    }
}

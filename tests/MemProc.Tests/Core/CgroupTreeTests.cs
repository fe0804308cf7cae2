namespace MemProc.Tests;

/// <summary>Tests cgroups by path and by inode: a live one, and simulated hierarchies of other machines.</summary>
public sealed class CgroupTreeTests
{
    [Fact]
    public void Frames_of_a_live_cgroup_resolve_to_its_path()
    {
        using MemoryCgroup cgroup = new();
        using TargetProcess target = TargetProcess.Start();
        cgroup.Add(target.ProcessId);
        ulong address = target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 4");

        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ulong[] frames = [.. new PageMapWalk(process).Range(address, 4 * Page.Size).Select(page => page.Pfn!.Value)];
        using FrameTables tables = new();
        ulong?[] inodes = [.. tables.Read(frames, raw: false).Select(frame => frame!.CgroupInode)];
        Assert.SkipWhen(inodes[0] is null, "needs /proc/kpagecgroup");

        CgroupTree tree = CgroupTree.Load();
        ulong inode = tree.InodeOf(cgroup.Folder);
        Assert.Equal([inode, inode, inode, inode], inodes);
        Assert.EndsWith($"/{cgroup.Name}", tree.PathOf(inode), StringComparison.Ordinal);
        Assert.Contains(tree.PathOf(inode)!, File.ReadAllText($"/proc/{target.ProcessId}/cgroup"), StringComparison.Ordinal);
        Assert.Equal(inode, tree.InodeOf(tree.PathOf(inode)!));
        Assert.Equal(inode, tree.InodeOf(cgroup.Name));
        Assert.Equal(inode, tree.InodeOf($"{inode}"));
        Assert.Equal(inode, tree.InodeOf($"@{inode}"));
        Assert.Equal(inode, tree.InodeOf($"@0x{inode:x}"));

        // A tree is a snapshot; a look-up by path uses the current state.
        target.Kill();
        cgroup.Remove();
        Assert.NotNull(tree.PathOf(inode));
        Assert.Equal("FindCgroup,ENOENT", Assert.Throws<MemProcException>(() => tree.InodeOf(cgroup.Name)).ErrorId);
        Assert.Null(CgroupTree.Load().PathOf(inode));
    }

    [Theory]
    [InlineData("memory", "cgroup", "rw,memory", "4:memory:/here")]
    [InlineData("cpu,memory", "cgroup", "rw,cpu,memory", "4:cpu,memory:/here")]
    [InlineData("", "cgroup2", "rw,nsdelegate,memory_recursiveprot", "0::/here")]
    public void One_walk_finds_every_cgroup_of_the_memory_controller(
        string name, string type, string options, string self)
    {
        using SimulatedCgroups simulated = new();
        simulated.Mount(name, type, options);
        simulated.Join("2:freezer:/elsewhere", self);
        ulong inner = simulated.Make($"{name}/system.slice/a b\e[31m/inner".TrimStart('/'));
        ulong number = simulated.Make($"{name}/1234".TrimStart('/'));
        CgroupTree tree = CgroupTree.Load(simulated.Files);

        Assert.Equal(["/", "/1234", "/system.slice", "/system.slice/a b\e[31m", "/system.slice/a b\e[31m/inner"],
            tree.Paths.Order(StringComparer.Ordinal));
        Assert.Equal("/system.slice/a b\e[31m/inner", tree.PathOf(inner));
        Assert.Equal("/", tree.PathOf(tree.InodeOf("/")));
        foreach (string path in tree.Paths)
        {
            ulong inode = tree.InodeOf(path);
            Assert.Equal(path, tree.PathOf(inode));
            Assert.Equal(inode, tree.InodeOf($"{tree.MountPoint}{path}"));
            Assert.Equal(inode, tree.InodeOf($"{path}/"));
        }

        Assert.Equal(inner, tree.InodeOf("system.slice/a b\e[31m/inner"));
        // A number is an inode; a name of digits needs its slash.
        Assert.Equal(1234UL, tree.InodeOf("1234"));
        Assert.Equal(0x1234UL, tree.InodeOf("0x1234"));
        Assert.Equal(number, tree.InodeOf("/1234"));
    }

    [Fact]
    public void Hierarchies_without_the_memory_controller_are_ignored()
    {
        using SimulatedCgroups simulated = new();
        simulated.Mount("unified", "cgroup2", "rw");
        simulated.Mount("cpu", "cgroup", "rw,cpu");
        simulated.Mount("memory", "cgroup", "rw,memory");
        simulated.Join("4:memory:/", "1:cpu:/", "0::/");
        ulong here = simulated.Make("memory/both");
        ulong elsewhere = simulated.Make("unified/both");
        ulong other = simulated.Make("cpu/both");
        CgroupTree tree = CgroupTree.Load(simulated.Files);
        Assert.Equal(here, tree.InodeOf("/both"));
        Assert.Equal("/both", tree.PathOf(here));
        Assert.Null(tree.PathOf(elsewhere));
        Assert.Null(tree.PathOf(other));
    }

    [Fact]
    public void An_unmounted_hierarchy_is_not_confused_with_another()
    {
        using SimulatedCgroups simulated = new();
        simulated.Mount("unified", "cgroup2", "rw");
        simulated.Join("4:memory:/", "0::/");
        ulong elsewhere = simulated.Make("unified/child");
        CgroupTree tree = CgroupTree.Load(simulated.Files);
        Assert.Null(tree.MountPoint);
        Assert.Empty(tree.Paths);
        Assert.Null(tree.PathOf(elsewhere));
        MemProcException error = Assert.Throws<MemProcException>(() => tree.InodeOf("/child"));
        Assert.Equal("FindCgroup,ENOENT", error.ErrorId);
        Assert.Contains("memory controller", error.Message, StringComparison.Ordinal);
        Assert.Equal(35UL, tree.InodeOf("35"));
    }

    [Fact]
    public void Cgroup_names_in_a_container_are_those_of_its_processes()
    {
        using SimulatedCgroups simulated = new();
        simulated.Mount("", "cgroup2", "rw", root: "/docker/ab");
        simulated.Join("0::/docker/ab");
        ulong child = simulated.Make("child");
        CgroupTree tree = CgroupTree.Load(simulated.Files);
        Assert.Equal("/docker/ab/child", tree.PathOf(child));
        Assert.Equal("/docker/ab", tree.PathOf(tree.InodeOf("/docker/ab")));
        Assert.Equal(child, tree.InodeOf("/docker/ab/child"));
        Assert.Equal(child, tree.InodeOf("child"));
        Assert.Equal(child, tree.InodeOf("/child"));
    }

    [Fact]
    public void The_mount_with_the_widest_view_is_used_and_a_covered_one_is_not()
    {
        using SimulatedCgroups simulated = new();
        simulated.Mount("part", "cgroup2", "rw", root: "/part");
        simulated.Mount("whole", "cgroup2", "rw");
        simulated.Mount("part-again", "cgroup2", "rw", root: "/part");
        simulated.Mount("covered", "cgroup2", "rw", device: "0:4095");
        simulated.Join("0::/");
        CgroupTree tree = CgroupTree.Load(simulated.Files);
        Assert.Equal($"{simulated.Root}/whole", tree.MountPoint);
    }

    [Theory]
    [InlineData("/no-such-cgroup", "FindCgroup,ENOENT")]
    [InlineData("no-such\e[31m", "FindCgroup,ENOENT")]
    [InlineData("/memory.stat", "FindCgroup,ENOENT")]
    [InlineData("/memory.stat/child", "FindCgroup,ENOENT")]
    [InlineData("../../../../../../../../../proc", "FindCgroup,ENOENT")]
    [InlineData("99999999999999999999", "FindCgroup,ENOENT")]
    [InlineData("", "FindCgroup,EINVAL")]
    [InlineData("  ", "FindCgroup,EINVAL")]
    public void A_path_that_is_not_a_cgroup_is_an_error(string text, string id)
    {
        using SimulatedCgroups simulated = new();
        simulated.Mount("", "cgroup2", "rw");
        simulated.Join("0::/");
        File.WriteAllText($"{simulated.Root}/memory.stat", "anon 0\n");
        CgroupTree tree = CgroupTree.Load(simulated.Files);
        MemProcException error = Assert.Throws<MemProcException>(() => tree.InodeOf(text));
        Assert.Equal(id, error.ErrorId);
        Assert.Equal(text, error.Target);
        Assert.DoesNotContain('\e', error.Message);
    }

    [Fact]
    public void No_cgroup_is_known_without_procfs_files()
    {
        using TemporaryFolder folder = new();
        CgroupTree tree = CgroupTree.Load(new KernelFiles(Proc: folder.Path, Sys: folder.Path));
        Assert.Null(tree.MountPoint);
        Assert.Null(tree.PathOf(0));
        Assert.Null(tree.PathOf(1));
    }
}

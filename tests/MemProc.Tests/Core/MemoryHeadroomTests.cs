using System.Globalization;
using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests the limits of processes: recorded ones of both cgroup versions, and live ones.</summary>
public sealed class MemoryHeadroomTests
{
    [Fact]
    public void Every_limit_is_read()
    {
        using SimulatedProcess simulated = Simulated();
        simulated.Write("maps", """
            1000-3000 rw-p 00000000 00:00 0
            4000-6000 rw-p 00000000 00:00 0                          [heap]
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]

            """);
        simulated.Write("limits", """
            Limit                     Soft Limit           Hard Limit           Units     
            Max data size             unlimited            unlimited            bytes     
            Max stack size            8388608              unlimited            bytes     
            Max locked memory         65536                131072               bytes     
            Max address space         1073741824           unlimited            bytes     

            """);
        simulated.Write("oom_score", "666\n");
        simulated.Write("oom_score_adj", "-500\n");
        simulated.Write("ksm_merging_pages", "17\n");
        simulated.Write("ksm_stat", """
            ksm_rmap_items 40
            ksm_zero_pages 3
            ksm_merging_pages 18
            ksm_process_profit -2560
            ksm_merge_any: yes
            ksm_newer 9

            """);
        WriteKernel(simulated, "sys/vm/max_map_count", "65530\n");
        WriteKernel(simulated, "meminfo", "MemTotal: 100 kB\nMemAvailable: 50 kB\nSwapTotal: 20 kB\nSwapFree: 10 kB\nHugePages_Total: 4\n");
        using LinuxProcess process = simulated.Open();
        ProcMemoryHeadroom headroom = MemoryHeadroomReader.Read(process);
        Assert.Equal((3UL << 10, 2, 65530UL), (headroom.VmRssBytes, headroom.MapCount, headroom.MaxMapCount));
        Assert.Equal((1UL << 30, 65536UL, ulong.MaxValue, 8UL << 20), (headroom.AddressSpaceLimitBytes,
            headroom.LockedLimitBytes, headroom.DataLimitBytes, headroom.StackLimitBytes));
        Assert.Equal((666, -500), (headroom.OomScore, headroom.OomScoreAdj));
        Assert.Equal((17UL, 3UL, 40UL, -2560L, true), (headroom.KsmMergingPages, headroom.KsmZeroPages, headroom.KsmRmapItems,
            headroom.KsmProfitBytes, headroom.IsKsmMergeAny));
        Assert.Equal((50UL << 10, 20UL << 10, 10UL << 10),
            (headroom.SystemAvailableBytes, headroom.SystemSwapTotalBytes, headroom.SystemSwapFreeBytes));
        Assert.Empty(headroom.HiddenFiles);
    }

    [Fact]
    public void What_a_kernel_lacks_is_null()
    {
        using SimulatedProcess simulated = Simulated();
        using LinuxProcess process = simulated.Open();
        ProcMemoryHeadroom headroom = MemoryHeadroomReader.Read(process);
        Assert.Equal(3UL << 10, headroom.VmRssBytes);
        object?[] numbers =
        [
            headroom.MapCount, headroom.MaxMapCount, headroom.AddressSpaceLimitBytes, headroom.LockedLimitBytes,
            headroom.DataLimitBytes, headroom.StackLimitBytes, headroom.OomScore, headroom.OomScoreAdj, headroom.CgroupPath,
            headroom.CgroupCurrentBytes, headroom.CgroupMaxBytes, headroom.CgroupHighBytes, headroom.CgroupAvailableBytes,
            headroom.CgroupLimitingPath, headroom.CgroupSwapCurrentBytes, headroom.CgroupSwapMaxBytes, headroom.KsmMergingPages,
            headroom.KsmZeroPages, headroom.KsmRmapItems, headroom.KsmProfitBytes, headroom.IsKsmMergeAny,
            headroom.SystemAvailableBytes, headroom.SystemSwapFreeBytes, headroom.SystemSwapTotalBytes,
        ];
        Assert.All(numbers, Assert.Null);
        Assert.Empty(headroom.HiddenFiles);
    }

    [Fact]
    public void Limits_of_version_2_include_those_above()
    {
        using SimulatedProcess simulated = Simulated();
        Mount(simulated, "cgroup2", "rw");
        simulated.Write("cgroup", "1:name=systemd:/other\n0::/top/inner\n");
        Group(simulated, "", []);
        Group(simulated, "top", [("memory.max", "1000000"), ("memory.current", "900000"), ("memory.high", "950000")]);
        Group(simulated, "top/inner", [("memory.max", "800000"), ("memory.current", "100000"), ("memory.high", "max"),
            ("memory.swap.current", "5"), ("memory.swap.max", "max")]);
        using LinuxProcess process = simulated.Open();
        ProcMemoryHeadroom headroom = MemoryHeadroomReader.Read(process);
        Assert.Equal(("/top/inner", 100_000UL, 800_000UL, ulong.MaxValue), (headroom.CgroupPath, headroom.CgroupCurrentBytes,
            headroom.CgroupMaxBytes, headroom.CgroupHighBytes));
        Assert.Equal((5UL, ulong.MaxValue), (headroom.CgroupSwapCurrentBytes, headroom.CgroupSwapMaxBytes));
        // The own limit is far, the one above is near.
        Assert.Equal((100_000UL, "/top"), (headroom.CgroupAvailableBytes, headroom.CgroupLimitingPath));
        Group(simulated, "top", [("memory.max", "max")]);
        Group(simulated, "top/inner", [("memory.max", "max")]);
        headroom = MemoryHeadroomReader.Read(process);
        Assert.Equal((ulong.MaxValue, null), (headroom.CgroupAvailableBytes, headroom.CgroupLimitingPath));
        // More in use than a limit that was lowered: nothing is left.
        Group(simulated, "top/inner", [("memory.max", "1000")]);
        headroom = MemoryHeadroomReader.Read(process);
        Assert.Equal((0UL, "/top/inner"), (headroom.CgroupAvailableBytes, headroom.CgroupLimitingPath));
    }

    [Fact]
    public void Limits_of_version_1_are_read_and_the_largest_number_is_none()
    {
        using SimulatedProcess simulated = Simulated();
        WriteKernel(simulated, "self/cgroup", "4:memory:/\n");
        Mount(simulated, "cgroup", "rw,memory");
        simulated.Write("cgroup", "5:cpu:/elsewhere\n4:memory:/inner\n0::/\n");
        Group(simulated, "", [("memory.limit_in_bytes", "9223372036854771712"), ("memory.usage_in_bytes", "700")]);
        Group(simulated, "inner", [("memory.limit_in_bytes", "9223372036854771712"), ("memory.usage_in_bytes", "500"),
            ("memory.memsw.usage_in_bytes", "620")]);
        using LinuxProcess process = simulated.Open();
        ProcMemoryHeadroom headroom = MemoryHeadroomReader.Read(process);
        Assert.Equal(("/inner", 500UL, ulong.MaxValue, null), (headroom.CgroupPath, headroom.CgroupCurrentBytes,
            headroom.CgroupMaxBytes, headroom.CgroupHighBytes));
        Assert.Equal((120UL, null), (headroom.CgroupSwapCurrentBytes, headroom.CgroupSwapMaxBytes));
        Assert.Equal((ulong.MaxValue, null), (headroom.CgroupAvailableBytes, headroom.CgroupLimitingPath));
    }

    [Theory]
    [InlineData("0::/../outside\n")]
    [InlineData("0::/inner/../../outside\n")]
    public void A_cgroup_outside_of_the_mount_is_not_read(string text)
    {
        using SimulatedProcess simulated = Simulated();
        Mount(simulated, "cgroup2", "rw");
        Group(simulated, "../outside", [("memory.max", "1")]);
        simulated.Write("cgroup", text);
        using LinuxProcess process = simulated.Open();
        Assert.Null(MemoryHeadroomReader.Read(process).CgroupMaxBytes);
    }

    [Fact]
    public void Live_limits_are_those_of_the_kernels_files()
    {
        using TargetProcess target = TargetProcess.Start();
        target.Ask("vmas 500");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using SuspendedProcess stopped = SuspendedProcess.Begin(process);
        ProcMemoryHeadroom headroom = MemoryHeadroomReader.Read(process);
        Assert.Equal(MapReader.Read(process).Count(map => map.Kind != ProcMapKind.Vsyscall), headroom.MapCount);
        Assert.True(headroom.MapCount > 500);
        Assert.Equal(File.ReadAllText("/proc/sys/vm/max_map_count").Trim(), $"{headroom.MaxMapCount}");
        Assert.Equal(File.ReadAllText($"/proc/{target.ProcessId}/oom_score_adj").Trim(), $"{headroom.OomScoreAdj}");
        string locked = File.ReadLines($"/proc/{target.ProcessId}/limits")
            .Single(line => line.StartsWith("Max locked memory", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[3];
        Assert.Equal(locked == "unlimited" ? ulong.MaxValue : ulong.Parse(locked, CultureInfo.InvariantCulture), headroom.LockedLimitBytes);
        Assert.True(headroom.SystemAvailableBytes > 0);
    }

    [Fact]
    public void A_process_in_a_cgroup_with_a_limit_sees_it()
    {
        using MemoryCgroup cgroup = new();
        using TargetProcess target = TargetProcess.Start();
        bool isVersion2 = File.Exists(Path.Combine(cgroup.Folder, "memory.max"));
        string file = Path.Combine(cgroup.Folder, isVersion2 ? "memory.max" : "memory.limit_in_bytes");
        File.WriteAllText(file, $"{1UL << 30}");
        cgroup.Add(target.ProcessId);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ProcMemoryHeadroom headroom = MemoryHeadroomReader.Read(process);
        Assert.EndsWith(cgroup.Name, headroom.CgroupPath!, StringComparison.Ordinal);
        Assert.Equal(1UL << 30, headroom.CgroupMaxBytes);
        Assert.Equal(headroom.CgroupPath, headroom.CgroupLimitingPath);
        Assert.True(headroom.CgroupAvailableBytes <= 1UL << 30);
        target.Kill();
    }

    private static SimulatedProcess Simulated()
    {
        SimulatedProcess simulated = new();
        simulated.Write("status", "Name:\tsimulated\nState:\tS (sleeping)\nVmRSS:\t       3 kB\nThreads:\t1\n");
        return simulated;
    }

    private static void WriteKernel(SimulatedProcess simulated, string name, string text) =>
        SimulatedProcess.WriteKernelFile(Path.Combine(simulated.Files.Proc, name), Encoding.UTF8.GetBytes(text));

    private static void Mount(SimulatedProcess simulated, string type, string options)
    {
        string folder = Path.Combine(simulated.Files.Sys, "fs/cgroup");
        Directory.CreateDirectory(folder);
        Assert.Equal(Errno.None, Libc.TryStatX(null, folder, out FileStatus status));
        WriteKernel(simulated, "self/mountinfo",
            $"40 30 {status.DeviceMajor}:{status.DeviceMinor} / /sys/fs/cgroup rw - {type} {type} {options}\n");
    }

    private static void Group(SimulatedProcess simulated, string below, (string Name, string Text)[] files)
    {
        string folder = Path.Combine(simulated.Files.Sys, "fs/cgroup", below);
        Directory.CreateDirectory(folder);
        foreach ((string name, string text) in files)
        {
            File.WriteAllText(Path.Combine(folder, name), $"{text}\n");
        }
    }
}

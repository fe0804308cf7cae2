using System.Diagnostics;
using System.Globalization;

namespace MemProc.Tests;

/// <summary>Tests the memory counters of processes, live ones and recorded ones of other kernels.</summary>
public sealed class MemoryStatusReaderTests
{
    private const string Status = """
        Name:	simulated
        Umask:	0022
        State:	S (sleeping)
        Tgid:	1
        VmPeak:	    3060 kB
        VmSize:	    3050 kB
        VmLck:	       4 kB
        VmPin:	       8 kB
        VmHWM:	    1780 kB
        VmRSS:	    1770 kB
        RssAnon:	     116 kB
        RssFile:	    1600 kB
        RssShmem:	      54 kB
        VmData:	     360 kB
        VmStk:	     132 kB
        VmExe:	      20 kB
        VmLib:	    1528 kB
        VmPTE:	      44 kB
        VmSwap:	      12 kB
        HugetlbPages:	    2048 kB
        VmYetUnknown:	      16 kB
        CoreDumping:	0
        Threads:	3
        SigQ:	0/96365

        """;

    private const string Rollup = """
        55c77c4ef000-7ffd0c1f4000 ---p 00000000 00:00 0                          [rollup]
        Rss:                1752 kB
        Pss:                 484 kB
        Pss_Dirty:           112 kB
        Pss_Anon:            110 kB
        Pss_File:            370 kB
        Pss_Shmem:             4 kB
        Shared_Clean:       1568 kB
        Shared_Dirty:          2 kB
        Private_Clean:        72 kB
        Private_Dirty:       110 kB
        Referenced:         1750 kB
        Anonymous:           111 kB
        KSM:                   1 kB
        Swap:                  6 kB
        SwapPss:               3 kB
        Locked:                5 kB
        Yet_Unknown:           7 kB

        """;

    [Fact]
    public void Every_counter_has_its_property_in_bytes()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("status", Status);
        using LinuxProcess process = simulated.Open();
        ProcMemoryStatus status = MemoryStatusReader.Read(process);
        Assert.Equal((process.Id, "simulated", 777UL), (status.ProcessId, status.ProcessName, status.ProcessStartTicks));
        Assert.Equal(("sleeping", 3), (status.State, status.ThreadCount));
        Assert.Equal(
            [3060, 3050, 4, 8, 1780, 1770, 116, 1600, 54, 360, 132, 20, 1528, 44, 12, 2048],
            new[]
            {
                status.VmPeakBytes, status.VmSizeBytes, status.VmLckBytes, status.VmPinBytes, status.VmHwmBytes,
                status.VmRssBytes, status.RssAnonBytes, status.RssFileBytes, status.RssShmemBytes, status.VmDataBytes,
                status.VmStkBytes, status.VmExeBytes, status.VmLibBytes, status.VmPteBytes, status.VmSwapBytes,
                status.HugetlbPagesBytes,
            }.Select(bytes => (int)(bytes!.Value / 1024)));
        Assert.Equal(16UL * 1024, status.Counters["VmYetUnknown"]);
        Assert.Equal(17, status.Counters.Count);
    }

    [Fact]
    public void Detail_has_the_counters_of_both_files()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("status", Status);
        simulated.Write("smaps_rollup", Rollup);
        using LinuxProcess process = simulated.Open();
        ProcMemoryStatusDetail detail = MemoryStatusReader.ReadDetailed(process);
        Assert.Equal(1770UL * 1024, detail.VmRssBytes);
        Assert.Equal(
            [1752, 484, 112, 110, 370, 4, 1568, 2, 72, 110, 182, 1750, 111, 1, 6, 3, 5],
            new[]
            {
                detail.RssBytes, detail.PssBytes, detail.PssDirtyBytes, detail.PssAnonBytes, detail.PssFileBytes,
                detail.PssShmemBytes, detail.SharedCleanBytes, detail.SharedDirtyBytes, detail.PrivateCleanBytes,
                detail.PrivateDirtyBytes, detail.UssBytes, detail.ReferencedBytes, detail.AnonymousBytes,
                detail.KsmBytes, detail.SwapBytes, detail.SwapPssBytes, detail.LockedBytes,
            }.Select(bytes => (int)(bytes!.Value / 1024)));
        Assert.Equal(7UL * 1024, detail.Counters["Yet_Unknown"]);
        Assert.Equal(17 + 17, detail.Counters.Count);
        // A counter that this kernel does not write is null, not 0.
        Assert.Null(detail.LazyFreeBytes);
        Assert.Null(detail.PrivateHugetlbBytes);
    }

    [Fact]
    public void A_counter_missing_on_an_older_kernel_is_null()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("status", "State:\tR (running)\nVmSize:\t    3060 kB\nVmRSS:\t    1780 kB\nVmSwap:\t       0 kB\n");
        using LinuxProcess process = simulated.Open();
        ProcMemoryStatus status = MemoryStatusReader.Read(process);
        Assert.Equal(0UL, status.VmSwapBytes);
        Assert.Null(status.RssAnonBytes);
        Assert.Null(status.HugetlbPagesBytes);
        Assert.Null(status.ThreadCount);
    }

    [Fact]
    public void A_kernel_thread_has_no_memory_of_its_own()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("stat", $"{Environment.ProcessId} (kworker/0:1) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0");
        simulated.Write("status", "Name:\tkworker/0:1\nState:\tI (idle)\nKthread:\t1\nThreads:\t1\n");
        using LinuxProcess process = simulated.Open();
        Assert.True(process.IsKernelThread);
        foreach (Action read in Both(process))
        {
            MemProcException error = Assert.Throws<MemProcException>(read);
            Assert.Equal("ReadStatus,ESRCH", error.ErrorId);
            Assert.Contains("kernel thread", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_process_without_memory_is_not_reported_as_empty()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("status", "Name:\tsimulated\nState:\tZ (zombie)\nThreads:\t2\n");
        using LinuxProcess process = simulated.Open();
        MemProcException error = Assert.Throws<MemProcException>(() => MemoryStatusReader.Read(process));
        Assert.Equal("ReadStatus,ESRCH", error.ErrorId);
        Assert.Contains("is exiting: its memory is", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_or_empty_smaps_rollup_is_an_error()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("status", Status);
        using LinuxProcess process = simulated.Open();
        MemProcException error = Assert.Throws<MemProcException>(() => MemoryStatusReader.ReadDetailed(process));
        Assert.Equal("ReadRollup,ENOENT", error.ErrorId);
        Assert.Contains("CONFIG_PROC_PAGE_MONITOR", error.Message, StringComparison.Ordinal);
        simulated.Write("smaps_rollup", "");
        error = Assert.Throws<MemProcException>(() => MemoryStatusReader.ReadDetailed(process));
        Assert.Equal("ReadRollup,ESRCH", error.ErrorId);
    }

    [Fact]
    public void An_exited_process_is_reported_as_exited()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.NotNull(MemoryStatusReader.ReadDetailed(process).UssBytes);
        target.Kill();
        foreach (Action read in Both(process))
        {
            MemProcException error = Assert.Throws<MemProcException>(read);
            Assert.Equal("ReadStatus,ESRCH", error.ErrorId);
            Assert.Contains("has exited.", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_zombie_is_reported_as_one_although_its_status_is_readable()
    {
        // The child exits after its shell has become a program that does not wait for children.
        using Process shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "sleep 0.2 & echo $!; exec sleep 60"])
        {
            RedirectStandardOutput = true,
        })!;
        try
        {
            int zombie = int.Parse(shell.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
            SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{zombie}/stat").Contains(") Z ", StringComparison.Ordinal), 10_000);
            using LinuxProcess process = LinuxProcess.Open(zombie);
            MemProcException error = Assert.Throws<MemProcException>(() => MemoryStatusReader.Read(process));
            Assert.Equal("ReadStatus,ESRCH", error.ErrorId);
            Assert.Contains("zombie", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            shell.Kill();
            shell.WaitForExit();
        }
    }

    [Fact]
    public void Touched_memory_is_counted_as_private_and_anonymous()
    {
        const ulong Length = 64 << 20;
        // The runtime of the target allocates and frees some memory during the test.
        const ulong Noise = 4 << 20;
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ulong address = target.Ask($"map {Length} rw- private").Address("address");
        ProcMemoryStatusDetail before = MemoryStatusReader.ReadDetailed(process);
        target.Ask($"touch {address} {Length / Page.Size}");
        ProcMemoryStatusDetail after = MemoryStatusReader.ReadDetailed(process);
        foreach (Func<ProcMemoryStatusDetail, ulong?> counter in new Func<ProcMemoryStatusDetail, ulong?>[]
        {
            status => status.VmRssBytes, status => status.RssAnonBytes, status => status.RssBytes,
            status => status.PssBytes, status => status.PssAnonBytes, status => status.UssBytes,
            status => status.PrivateDirtyBytes, status => status.AnonymousBytes,
        })
        {
            Assert.InRange(counter(after)!.Value, counter(before)!.Value + Length - Noise, ulong.MaxValue);
        }

        Assert.InRange(after.RssFileBytes!.Value, 0UL, before.RssFileBytes!.Value + Noise);
        Assert.True(after.VmHwmBytes >= after.VmRssBytes);
    }

    [Fact]
    public void Counters_equal_status_and_the_sums_of_smaps()
    {
        using Process sleep = Process.Start(Requires.Tool("sleep"), "60");
        try
        {
            SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{sleep.Id}/maps").Contains("libc", StringComparison.Ordinal), 10_000);
            using LinuxProcess process = LinuxProcess.Open(sleep.Id);
            // Other processes that start or exit change the sharing of pages of the same files.
            for (int attempt = 1; ; attempt++)
            {
                string[] lines = File.ReadAllLines($"/proc/{sleep.Id}/status");
                ProcMemoryStatusDetail status = MemoryStatusReader.ReadDetailed(process);
                ProcMapDetail[] maps = [.. MapReader.ReadDetailed(process)];
                bool isQuiet = status.Counters.SequenceEqual(MemoryStatusReader.ReadDetailed(process).Counters)
                    && lines.SequenceEqual(File.ReadAllLines($"/proc/{sleep.Id}/status"));
                if (!isQuiet && attempt < 50)
                {
                    continue;
                }

                Assert.True(isQuiet);
                foreach (string line in lines.Where(line => line.EndsWith(" kB", StringComparison.Ordinal)))
                {
                    string[] words = line.Split([':', '\t', ' '], StringSplitOptions.RemoveEmptyEntries);
                    Assert.Equal(ulong.Parse(words[1], CultureInfo.InvariantCulture) * 1024, status.Counters[words[0]]);
                }

                foreach (string counter in new[] { "Rss", "Shared_Clean", "Private_Clean", "Private_Dirty", "Anonymous", "Swap" })
                {
                    Assert.Equal(Sum(maps, map => map.Counters[counter]), status.Counters[counter]);
                }

                // smaps rounds each mapping's share down to whole KiB.
                Assert.InRange(status.PssBytes!.Value, Sum(maps, map => map.PssBytes!.Value),
                    Sum(maps, map => map.PssBytes!.Value + 1024));
                Assert.True(status.UssBytes > 0 && status.UssBytes <= status.PssBytes && status.PssBytes <= status.RssBytes);
                break;
            }
        }
        finally
        {
            sleep.Kill();
            sleep.WaitForExit();
        }
    }

    private static ulong Sum(ProcMapDetail[] maps, Func<ProcMapDetail, ulong> counter) =>
        maps.Aggregate(0UL, (sum, map) => sum + counter(map));

    private static Action[] Both(LinuxProcess process) =>
        [() => MemoryStatusReader.Read(process), () => MemoryStatusReader.ReadDetailed(process)];
}

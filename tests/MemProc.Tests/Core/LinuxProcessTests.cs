using System.Diagnostics;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests process identity: exited, hidden, kernel and reused ids are distinguished.</summary>
public sealed class LinuxProcessTests
{
    /// <summary>An id above the maximum of any kernel (2^22).</summary>
    private const int NoSuchProcess = 4_194_305;

    [Fact]
    public void A_process_that_does_not_exist_is_not_found()
    {
        MemProcException error = Assert.Throws<MemProcException>(() => LinuxProcess.Open(NoSuchProcess));
        Assert.Equal("OpenProcess,ESRCH", error.ErrorId);
        Assert.Equal(NoSuchProcess, error.Target);
        Assert.Contains("does not exist", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Identity_equals_proc_stat()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.True(ProcessStat.TryParse(ReadStat(target.ProcessId), out ProcessStat stat));
        Assert.Equal(new ProcessIdentity(target.ProcessId, stat.Name, stat.StartTicks), process.Identity);
        Assert.False(process.HasExited);
        Assert.False(process.IsKernelThread);
    }

    [Fact]
    public void A_newer_process_with_the_same_id_is_rejected()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong startTicks;
        using (LinuxProcess process = LinuxProcess.Open(target.ProcessId))
        {
            startTicks = process.Identity.StartTicks;
        }

        LinuxProcess.Open(target.ProcessId, startTicks).Dispose();
        MemProcException error = Assert.Throws<MemProcException>(
            () => LinuxProcess.Open(target.ProcessId, startTicks - 1));
        Assert.Equal("OpenProcess,ESRCH", error.ErrorId);
        Assert.Contains("belongs to another process", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_reader_reports_a_process_that_exited_after_open()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ProcMap map = MapReader.Find(process, address)!;
        MemoryReader fast = new(process, ReadMethod.ProcessVm);
        MemoryReader slow = new(process, ReadMethod.Mem);
        Assert.Empty(slow.Read(address, new byte[16]));
        PageMapWalk walk = new(process);
        Assert.NotEmpty(walk.Range(map.Start, map.SizeBytes));
        MemoryWriteRequest[] changes = [new(address, [1])];
        MemoryTransaction transaction = MemoryTransaction.Prepare(process, changes);
        target.Kill();

        Assert.True(process.HasExited);
        foreach (Action read in new Action[]
        {
            () => _ = MapReader.Read(process).Count(),
            () => _ = MapReader.ReadDetailed(process).Count(),
            () => _ = MapReader.Find(process, address),
            () => _ = walk.All().Count(),
            () => _ = walk.Range(map.Start, map.SizeBytes).Count(),
            () => fast.Read(address, new byte[16]),
            () => slow.Read(address, new byte[16]),
            () => MemoryTransaction.Prepare(process, changes),
            () => transaction.Commit(stop: false, verify: false),
            () => _ = new PfnSearch([1]).In(process).Count(),
        })
        {
            MemProcException error = Assert.Throws<MemProcException>(read);
            Assert.Equal(Errno.ESRCH, error.Errno);
            Assert.Contains("has exited.", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_process_that_exits_while_maps_is_read_is_an_error()
    {
        using TargetProcess target = TargetProcess.Start();
        target.Ask("vmas 10000");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using IEnumerator<ProcMap> maps = MapReader.Read(process).GetEnumerator();
        Assert.True(maps.MoveNext());
        target.Kill();
        MemProcException error = Assert.Throws<MemProcException>(() =>
        {
            while (maps.MoveNext())
            {
            }
        });
        Assert.Equal("ReadMaps,ESRCH", error.ErrorId);
    }

    [Fact]
    public void A_process_that_exits_while_its_pages_are_read_is_an_error()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong length = 8192 * Page.Size;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        target.Ask($"touch {address} 4096 2");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using IEnumerator<PageMapEntry> pages = new PageMapWalk(process).Range(address, length).GetEnumerator();
        Assert.True(pages.MoveNext());
        target.Kill();
        MemProcException error = Assert.Throws<MemProcException>(() =>
        {
            while (pages.MoveNext())
            {
            }
        });
        Assert.Equal("ReadPageMap,ESRCH", error.ErrorId);
    }

    [Fact]
    public void A_zombie_is_reported_as_a_zombie()
    {
        // The child exits after its shell has become a program that does not wait for children.
        using Process shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "sleep 0.2 & echo $!; exec sleep 60"])
        {
            RedirectStandardOutput = true,
        })!;
        try
        {
            int zombie = int.Parse(shell.StandardOutput.ReadLine()!);
            SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{zombie}/stat").Contains(") Z ", StringComparison.Ordinal), 10_000);
            using LinuxProcess process = LinuxProcess.Open(zombie);
            Assert.True(process.HasExited);
            MemProcException error = Assert.Throws<MemProcException>(() => MapReader.Read(process).Count());
            Assert.Equal("ReadMaps,ESRCH", error.ErrorId);
            Assert.Contains("zombie", error.Message, StringComparison.Ordinal);
            Assert.Contains("zombie", Assert.Throws<MemProcException>(
                () => new MemoryReader(process, ReadMethod.Auto).Read(4096, new byte[1])).Message, StringComparison.Ordinal);
        }
        finally
        {
            shell.Kill();
            shell.WaitForExit();
        }
    }

    [Fact]
    public void A_kernel_thread_is_alive_and_has_no_memory()
    {
        const int KernelThreadDaemon = 2;
        if (!ProcessStat.TryParse(ReadStat(KernelThreadDaemon), out ProcessStat stat) || !stat.IsKernelThread)
        {
            Assert.Skip("needs the machine's own pid namespace, where process 2 is a kernel thread");
        }

        using LinuxProcess process = LinuxProcess.Open(KernelThreadDaemon);
        Assert.True(process.IsKernelThread);
        Assert.False(process.HasExited);
        MemProcException error = Assert.Throws<MemProcException>(() => MapReader.Read(process).Count());
        Assert.Equal("ReadMaps,ESRCH", error.ErrorId);
        Assert.Contains("kernel thread", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_longer_than_comm_come_from_the_command_line()
    {
        using TemporaryFolder folder = new();
        string program = Path.Combine(folder.Path, "a-name-of-many-letters");
        File.Copy(Requires.Tool("sleep"), program);
        using Process sleep = Process.Start(program, "60");
        try
        {
            SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{sleep.Id}/comm") == "a-name-of-many-\n"[..15] + "\n", 10_000);
            Assert.Equal("a-name-of-many-letters", ProcessList.Name(sleep.Id));
            Assert.Equal($"{program} 60", ProcessList.CommandLine(sleep.Id));
            Assert.Contains(sleep.Id, ProcessList.Ids());
        }
        finally
        {
            sleep.Kill();
            sleep.WaitForExit();
        }

        Assert.Null(ProcessList.Name(NoSuchProcess));
    }

    private static byte[] ReadStat(int processId) =>
        File.Exists($"/proc/{processId}/stat") ? File.ReadAllBytes($"/proc/{processId}/stat") : [];
}

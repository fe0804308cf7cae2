using System.Diagnostics;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests that a process is stopped, can be read consistently, and continues in every case.</summary>
public sealed class ProcessStopTests
{
    [Fact]
    public void A_stopped_process_changes_nothing_and_continues_afterwards()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        target.Ask($"spin {address}");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ulong before;
        using (ProcessStop stop = ProcessStop.Begin(process))
        {
            Assert.Equal(process.ThreadIds(), stop.ThreadIds);
            Assert.Contains(process.Id, stop.ThreadIds);
            Assert.All(stop.ThreadIds, thread => Assert.Equal('t', process.ThreadStat(thread)!.Value.State));
            before = Counter(process, address);
            Thread.Sleep(20);
            Assert.Equal(before, Counter(process, address));
        }

        Assert.True(SpinWait.SpinUntil(() => Counter(process, address) > before, TimeSpan.FromSeconds(30)));
        target.Ask("still");
        Assert.Equal(0, target.Exit());
    }

    [Fact]
    public void A_second_resume_does_nothing()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ProcessStop stop = ProcessStop.Begin(process);
        stop.Dispose();
        stop.Dispose();
        Assert.Equal(0, target.Exit());
    }

    [Fact]
    public void All_threads_are_stopped_while_threads_start_and_exit()
    {
        using TargetProcess target = TargetProcess.Start();
        target.Ask("churn");
        target.Ask("breed");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        for (int round = 0; round < 50; round++)
        {
            using ProcessStop stop = ProcessStop.Begin(process);
            Assert.All(process.ThreadIds().Select(thread => process.ThreadStat(thread)!.Value.State),
                state => Assert.True(state is 't' or 'Z' or 'X', $"{state}"));
        }

        target.Ask("still");
        Assert.Equal(0, target.Exit());
    }

    [Fact]
    public async Task The_runtime_does_not_treat_a_stopped_child_as_exited_while_others_exit()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using CancellationTokenSource enough = new();
        Task others = Task.Run(() =>
        {
            while (!enough.IsCancellationRequested)
            {
                Shell.Run("true");
            }
        });
        for (int round = 0; round < 300; round++)
        {
            ProcessStop.Begin(process).Dispose();
            Assert.False(target.HasExited);
        }

        enough.Cancel();
        await others;
        Assert.Equal(0, target.Exit());
    }

    [Fact]
    public async Task The_runtime_does_not_treat_a_stopped_child_as_exited_when_a_signal_handler_is_late()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using RuntimeSignals signals = RuntimeSignals.Open();
        for (int round = 0; round < 300; round++)
        {
            // No more than the capacity of the pipe without a reader.
            Task late = Task.Run(() =>
            {
                for (int times = 0; times < 32; times++)
                {
                    signals.WriteSigChld();
                    Thread.SpinWait(1000);
                }
            });
            ProcessStop.Begin(process).Dispose();
            await late;
            Assert.False(target.HasExited);
        }

        Assert.Equal(0, target.Exit());
    }

    [Fact]
    public void Registers_of_each_thread_can_be_read()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using ProcessStop stop = ProcessStop.Begin(process);
        const uint NtPrStatus = 1;
        Assert.All(stop.ThreadIds, thread => Assert.True(stop.ReadRegisters(thread, NtPrStatus)!.Length >= 27 * 8));
        Assert.Null(stop.ReadRegisters(process.Id, 0x7fff));
        Assert.NotNull(stop.ReadSignalInfo(process.Id));
    }

    [Fact]
    public void A_signal_sent_during_the_stop_is_delivered_afterwards()
    {
        using Process sleeper = Process.Start("sleep", "1000");
        try
        {
            using LinuxProcess process = LinuxProcess.Open(sleeper.Id);
            using (ProcessStop.Begin(process))
            {
                Shell.Run("kill", "-TERM", $"{sleeper.Id}");
                Assert.False(process.HasExited);
            }

            Assert.True(sleeper.WaitForExit(TimeSpan.FromSeconds(30)));
            Assert.Equal(128 + 15, sleeper.ExitCode);
        }
        finally
        {
            sleeper.Kill();
        }
    }

    [Fact]
    public void A_process_that_was_already_stopped_stays_stopped()
    {
        using Process sleeper = Process.Start("sleep", "1000");
        try
        {
            Shell.Run("kill", "-STOP", $"{sleeper.Id}");
            using LinuxProcess process = LinuxProcess.Open(sleeper.Id);
            Assert.True(SpinWait.SpinUntil(() => process.ThreadStat(sleeper.Id)?.State == 'T', TimeSpan.FromSeconds(30)));
            ProcessStop.Begin(process).Dispose();
            Assert.True(SpinWait.SpinUntil(() => process.ThreadStat(sleeper.Id)?.State == 'T', TimeSpan.FromSeconds(30)));
        }
        finally
        {
            sleeper.Kill();
        }
    }

    [Fact]
    public void A_process_killed_during_the_stop_is_reported_as_exited_and_keeps_its_exit_code()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using (ProcessStop stop = ProcessStop.Begin(process))
        {
            MemoryReader reader = new(process, ReadMethod.Auto);
            Assert.Empty(reader.Read(address, new byte[16]));
            Shell.Run("kill", "-KILL", $"{target.ProcessId}");
            Assert.True(SpinWait.SpinUntil(() => process.HasExited, TimeSpan.FromSeconds(30)));
            MemProcException error = Assert.Throws<MemProcException>(() => reader.Read(address, new byte[16]));
            Assert.Equal(Errno.ESRCH, error.Errno);
            Assert.Contains("exited", error.Message, StringComparison.Ordinal);
        }

        Assert.True(SpinWait.SpinUntil(() => target.HasExited, TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void Another_tracer_is_named_in_the_error()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using ProcessStop stop = ProcessStop.Begin(process);
        MemProcException error = Assert.Throws<MemProcException>(() => ProcessStop.Begin(process));
        Assert.Equal("StopProcess,EPERM", error.ErrorId);
        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId);
        Assert.Contains($"process {self.Identity} traces it", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_debugger_is_named_and_no_right_is_asked_for()
    {
        using TargetProcess target = TargetProcess.Start();
        using Process debugger = Process.Start(new ProcessStartInfo(
            Requires.Tool("gdb"), ["-nx", "-q", "-p", $"{target.ProcessId}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
            Assert.True(SpinWait.SpinUntil(
                () => process.ThreadStat(process.Id)?.State == 't', TimeSpan.FromSeconds(30)));
            MemProcException error = Assert.Throws<MemProcException>(() => ProcessStop.Begin(process));
            Assert.Equal("StopProcess,EPERM", error.ErrorId);
            Assert.Contains($"process {debugger.Id} (gdb) traces it", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("CAP_", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            debugger.Kill();
            debugger.WaitForExit();
        }
    }

    [Fact]
    public void A_process_cannot_stop_itself()
    {
        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId);
        Assert.Equal("StopProcess,EPERM", Assert.Throws<MemProcException>(() => ProcessStop.Begin(self)).ErrorId);
    }

    [Fact]
    public void An_id_of_another_pid_namespace_stops_no_process()
    {
        using TargetProcess target = TargetProcess.Start();
        using TemporaryFolder folder = new();
        File.CreateSymbolicLink(Path.Combine(folder.Path, "self"), "1");
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, $"{target.ProcessId}"), $"/proc/{target.ProcessId}");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId, files: new KernelFiles(folder.Path));
        Assert.Equal("StopProcess,EOPNOTSUPP", Assert.Throws<MemProcException>(() => ProcessStop.Begin(process)).ErrorId);
        Assert.All(process.ThreadIds(), thread => Assert.NotEqual('t', process.ThreadStat(thread)?.State));
    }

    [Fact]
    public void Cancellation_lets_the_process_continue()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.ThrowsAny<OperationCanceledException>(
            () => ProcessStop.Begin(process, new CancellationToken(canceled: true)));
        Assert.Equal(0, target.Exit());
    }

    [Fact]
    public void Only_a_runtime_without_the_lock_causes_a_warning()
    {
        Assert.Null(ProcessStop.RuntimeWarning(holdsRuntimeLock: true));
        Assert.Null(ProcessStop.TakeRuntimeWarning());
        Assert.Contains("lacks Process.s_processStartLock", ProcessStop.RuntimeWarning(holdsRuntimeLock: false),
            StringComparison.Ordinal);
    }

    private static ulong Counter(LinuxProcess process, ulong address) =>
        BitConverter.ToUInt64(new MemoryReader(process, ReadMethod.Auto).ReadExactly(address, 8));
}

using System.Diagnostics;

namespace MemProc.Tests;

/// <summary>Tests reads of a stopped process, and its state after errors.</summary>
public sealed class StoppedReadTests
{
    [Fact]
    public void Reads_are_consistent_and_the_process_continues()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        target.Ask($"spin {address}");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryReader reader = new(process, ReadMethod.Auto);
        Func<IEnumerable<ulong>> read = () => [BitConverter.ToUInt64(reader.ReadExactly(address, 8))];
        ulong[] counts = [.. StoppedRead.Run(process, 800, Enumerable.Repeat(read, 100), default)
            .SelectMany(result => result.Answers)];
        Assert.Equal(100, counts.Length);
        Assert.Single(counts.Distinct());
        Assert.True(SpinWait.SpinUntil(() => read().Single() > counts[0], TimeSpan.FromSeconds(30)));
        target.Ask("still");
    }

    [Fact]
    public void A_failed_read_does_not_stop_the_others()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryReader reader = new(process, ReadMethod.Auto);
        ulong[] addresses = [0x10, address];
        var results = StoppedRead.Run(process, 32, addresses.Select<ulong, Func<IEnumerable<byte[]>>>(
            address => () => [reader.ReadExactly(address, 16)]), default);
        Assert.Equal("ReadMemory,EFAULT", results[0].Failure!.ErrorId);
        Assert.Equal((byte)'A', Assert.Single(results[1].Answers)[0]);
        Assert.Equal(0, target.Exit());
    }

    [Fact]
    public void A_request_above_the_limit_is_rejected_before_the_process_is_stopped()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Func<IEnumerable<int>> read = () => throw new InvalidOperationException("It must not be read.");
        MemProcException error = Assert.Throws<MemProcException>(
            () => StoppedRead.Run(process, StoppedRead.MaxBytes + 1, [read], default));
        Assert.Equal("ReadMemory,EINVAL", error.ErrorId);
        Assert.Contains("file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_process_continues_after_a_cancelled_or_failed_read()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using CancellationTokenSource cancellation = new();
        MemoryReader reader = new(process, ReadMethod.Auto, cancellation.Token);
        ulong address = target.Ask("seed").Address("address");
        Assert.Throws<OperationCanceledException>(() => StoppedRead.Run<byte[]>(process, 16, [() =>
        {
            cancellation.Cancel();
            return [reader.ReadExactly(address, 16)];
        }], default));
        Assert.Throws<IOException>(() => StoppedRead.Run<int>(process, 0, [() => throw new IOException()], default));
        Assert.Equal(0, target.Exit());
    }

    [Fact]
    public void A_process_killed_during_the_read_is_an_error()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryReader reader = new(process, ReadMethod.Auto);
        var results = StoppedRead.Run<byte[]>(process, 32,
        [
            () =>
            {
                Shell.Run("kill", "-KILL", $"{target.ProcessId}");
                Assert.True(SpinWait.SpinUntil(() => process.HasExited, TimeSpan.FromSeconds(30)));
                return [reader.ReadExactly(address, 16)];
            },
            () => [reader.ReadExactly(address, 16)],
        ], default);
        Assert.All(results, result => Assert.Equal("ReadMemory,ESRCH", result.Failure!.ErrorId));
        Assert.True(SpinWait.SpinUntil(() => target.HasExited, TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void A_process_continues_when_its_reader_is_killed()
    {
        using TemporaryFolder folder = new();
        using TargetProcess target = TargetProcess.Start();
        const ulong Length = 1 << 28;
        ulong address = target.Ask($"map {Length} r-- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        // The reader is suspended while it holds the target, so that it still holds it when it is killed.
        bool isCaught = false;
        for (int attempt = 0; attempt < 20 && !isCaught; attempt++)
        {
            ProcessStartInfo start = new(DotnetHost.Path, [Programs.Memproc, "read", $"{target.ProcessId}", $"0x{address:x}",
                $"{Length}", "--stop", "--force", "--out", Path.Combine(folder.Path, "out")])
            {
                RedirectStandardOutput = true,
            };
            using Process reader = Process.Start(start)!;
            try
            {
                SpinWait.SpinUntil(() => IsHeld(process) || reader.HasExited, TimeSpan.FromSeconds(30));
                Shell.Try("kill", ["-STOP", $"{reader.Id}"]);
                isCaught = IsHeld(process);
            }
            finally
            {
                reader.Kill();
                reader.WaitForExit();
            }
        }

        Assert.True(isCaught, "No reader was caught while it held the target.");
        Assert.True(SpinWait.SpinUntil(() => !IsHeld(process), TimeSpan.FromSeconds(30)));
        Assert.Equal(0, target.Exit());
    }

    private static bool IsHeld(LinuxProcess process) => process.ThreadStat(process.Id)?.State == 't';
}

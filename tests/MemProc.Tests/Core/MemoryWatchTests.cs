using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests watches of values: the current value, each change, and the end.</summary>
public sealed class MemoryWatchTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(5);

    [Fact]
    public void The_current_value_is_first_and_then_each_change()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using IEnumerator<MemoryChange> changes = new MemoryWatch(
            [Watch(process, address, "byte"), Watch(process, address + 8, "uint16be")], Interval)
            .Changes(null, error => Assert.Fail(error.Message)).GetEnumerator();
        Check(null, (byte)0, isFirst: true);
        Check(null, (ushort)0, isFirst: true);
        target.Ask($"touch {address} 1");
        Check((byte)0, (byte)1, isFirst: false);
        Assert.Equal((address, 1UL, "byte"), (changes.Current.Address, changes.Current.Length, changes.Current.Type));
        Assert.Equal((target.ProcessId, (byte)0, (byte)1), (changes.Current.ProcessId,
            Assert.Single(changes.Current.PreviousBytes), Assert.Single(changes.Current.Bytes)));
        target.Ask($"touch {address + 8} 1");
        Check((ushort)0, (ushort)0x100, isFirst: false);

        void Check(object? previous, object value, bool isFirst)
        {
            Assert.True(changes.MoveNext());
            Assert.Equal((previous, value, isFirst),
                (changes.Current.PreviousValue, changes.Current.Value, changes.Current.IsFirst));
        }
    }

    [Fact]
    public void Memory_that_is_unmapped_and_mapped_again_is_a_change()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using IEnumerator<MemoryChange> changes = new MemoryWatch([
            new WatchedMemory(process, new MemoryReader(process, ReadMethod.ProcessVm), address, MemoryType.Parse("int32"),
                isBigEndian: false, Encoding.UTF8)], Interval).Changes(null, error => Assert.Fail(error.Message)).GetEnumerator();
        Assert.True(changes.MoveNext());
        target.Ask($"protect {address} {Page.Size} ---");
        Assert.True(changes.MoveNext());
        Assert.Equal((0, null, Errno.EFAULT),
            (changes.Current.PreviousValue, changes.Current.Value, changes.Current.Gap!.Errno));
        Assert.Empty(changes.Current.Bytes);
        target.Ask($"protect {address} {Page.Size} rw-");
        Assert.True(changes.MoveNext());
        Assert.Equal((null, 0, null), (changes.Current.PreviousValue, changes.Current.Value, changes.Current.Gap));
        Assert.False(changes.Current.IsFirst);
    }

    [Fact]
    public void The_exit_of_a_process_is_reported_once_and_the_others_are_still_watched()
    {
        using TargetProcess dying = TargetProcess.Start();
        using TargetProcess living = TargetProcess.Start();
        ulong gone = dying.Ask("seed").Address("address");
        ulong address = living.Ask($"map {Page.Size} rw- private").Address("address");
        using LinuxProcess first = LinuxProcess.Open(dying.ProcessId);
        using LinuxProcess second = LinuxProcess.Open(living.ProcessId);
        List<MemProcException> failures = [];
        using IEnumerator<MemoryChange> changes = new MemoryWatch(
            [Watch(first, gone, "byte"), Watch(first, gone + 1, "byte"), Watch(second, address, "byte")], Interval)
            .Changes(null, failures.Add).GetEnumerator();
        for (int count = 0; count < 3; count++)
        {
            Assert.True(changes.MoveNext());
        }

        dying.Kill();
        living.Ask($"touch {address} 1");
        Assert.True(changes.MoveNext());
        living.Kill();
        Assert.False(changes.MoveNext());
        Assert.Equal(["ReadMemory,ESRCH", "ReadMemory,ESRCH"], failures.Select(error => error.ErrorId));
    }

    [Fact]
    public void Process_exit_and_cancellation_do_not_wait_for_the_interval()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        List<MemProcException> failures = [];
        using IEnumerator<MemoryChange> changes = new MemoryWatch([Watch(process, address, "byte")], TimeSpan.FromDays(1))
            .Changes(null, failures.Add).GetEnumerator();
        Assert.True(changes.MoveNext());
        target.Kill();
        Assert.False(changes.MoveNext());
        Assert.Single(failures);

        using CancellationTokenSource cancellation = new();
        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId);
        ulong stack = MapReader.Read(self).First(map => map.Kind == ProcMapKind.Stack).Start;
        using IEnumerator<MemoryChange> own = new MemoryWatch(
            [Watch(self, stack, "byte")], TimeSpan.FromDays(1), cancellation.Token).Changes(null, failures.Add).GetEnumerator();
        Assert.True(own.MoveNext());
        cancellation.CancelAfter(1);
        Assert.ThrowsAny<OperationCanceledException>(() => own.MoveNext());
    }

    [Fact]
    public void An_address_that_is_unreadable_at_the_start_is_an_error()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        List<MemProcException> failures = [];
        Assert.Empty(new MemoryWatch([Watch(process, 0x10, "byte")], Interval).Changes(null, failures.Add));
        Assert.Equal("ReadMemory,EFAULT", Assert.Single(failures).ErrorId);
    }

    [Fact]
    public void A_watch_ends_at_its_timeout()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.Single(new MemoryWatch([Watch(process, address, "byte")], TimeSpan.FromDays(1))
            .Changes(TimeSpan.FromMilliseconds(1), error => Assert.Fail(error.Message)));
    }

    private static WatchedMemory Watch(LinuxProcess process, ulong address, string type) => new(process,
        new MemoryReader(process, ReadMethod.Auto), address, MemoryType.Parse(type), isBigEndian: false, Encoding.UTF8);
}

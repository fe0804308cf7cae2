namespace MemProc.Tests;

/// <summary>Tests that several writes are all done or none.</summary>
public sealed class MemoryTransactionTests : TargetTests
{
    private static readonly byte[] Word = [0xde, 0xad, 0xbe, 0xef];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void All_writes_are_done_in_order_and_each_is_reported(bool stop)
    {
        ulong address = Fill(1);
        byte[] before = Peek(address, 64);
        MemoryTransaction transaction = MemoryTransaction.Prepare(Process,
            [Change(address + 32, before[32..40]), Change(address, before[..4]), Change(address + 4, null)]);
        IReadOnlyList<MemoryWrite> writes = transaction.Commit(stop, verify: true);
        Assert.Equal([address + 32, address, address + 4], writes.Select(write => write.Address));
        Assert.All(writes, write =>
        {
            Assert.True(write.IsVerified);
            Assert.Equal(before.Skip((int)(write.Address - address)).Take(4), write.PreviousBytes);
            Assert.Equal(Word, write.Bytes);
        });
        Assert.Equal([.. Word, .. Word, .. before[8..32], .. Word, .. before[36..]], Peek(address, 64));
        Assert.Equal(0, Target.Exit());
    }

    [Theory]
    [InlineData(0, "WriteMemory,EACCES")]
    [InlineData(1, "WriteMemory,EFAULT")]
    [InlineData(2, "CompareMemory,EAGAIN")]
    [InlineData(3, "WriteMemory,EINVAL")]
    public void One_impossible_write_prevents_all(int fault, string id)
    {
        ulong address = Fill(3);
        Target.Ask($"protect {address + Page.Size} {Page.Size} r--");
        Target.Ask($"unmap {address + 2 * Page.Size} {Page.Size}");
        byte[] before = Peek(address, 64);
        MemoryWriteRequest bad = fault switch
        {
            0 => Change(address + Page.Size),
            1 => Change(address + 2 * Page.Size - 2) with { Force = true },
            2 => Change(address + 32, Word),
            // Overlaps the first write.
            _ => Change(address + 3),
        };
        MemProcException error = Assert.Throws<MemProcException>(
            () => MemoryTransaction.Prepare(Process, [Change(address), Change(address + 8), bad]));
        Assert.Equal(id, error.ErrorId);
        Assert.Matches("None of the 3 writes was done|nothing was written: ", error.Message);
        Assert.Equal(before, Peek(address, 64));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_write_rejected_by_the_kernel_rolls_back_the_earlier_ones(bool stop)
    {
        ulong address = Fill(3);
        Requires.Refusal(Target, address + Page.Size);
        byte[] before = Peek(address, (int)(3 * Page.Size));
        MemoryTransaction transaction = MemoryTransaction.Prepare(Process,
        [
            Change(address), Change(address + 8), Change(address + Page.Size - 2), Change(address + 2 * Page.Size),
        ]);
        MemProcException error = Assert.Throws<MemProcException>(() => transaction.Commit(stop, verify: false));
        Assert.Equal("WriteMemory,EBUSY", error.ErrorId);
        Assert.Contains("2 of 4 bytes were written", error.Message, StringComparison.Ordinal);
        Assert.EndsWith(
            $"put back: 2 bytes at 0x{address + Page.Size - 2:x}, 4 bytes at 0x{address + 8:x}, 4 bytes at 0x{address:x}.",
            error.Message, StringComparison.Ordinal);
        Assert.Equal(before, Peek(address, (int)(3 * Page.Size)));
        Assert.Equal(0, Target.Exit());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_change_since_the_check_prevents_all_writes(bool stop)
    {
        ulong address = Fill(1);
        byte[] before = Peek(address, 64);
        MemoryTransaction transaction = MemoryTransaction.Prepare(
            Process, [Change(address), Change(address + 32, before[32..40])]);
        Target.Ask($"touch {address + 39} 1");
        MemProcException error = Assert.Throws<MemProcException>(() => transaction.Commit(stop, verify: false));
        Assert.Equal("CompareMemory,EAGAIN", error.ErrorId);
        Assert.Equal(before[..32], Peek(address, 32));
        Assert.Equal(0, Target.Exit());
    }

    [Fact]
    public void Bytes_changed_by_another_thread_are_not_rolled_back_and_are_reported()
    {
        ulong address = Fill(2);
        Requires.Refusal(Target, address + Page.Size);
        Target.Ask($"spin {address}");
        byte[] eight = [.. Word, .. Word];
        byte[] before = Peek(address + 16, 8);
        MemProcException? error = null;
        Assert.Contains(Enumerable.Range(0, 10_000), _ =>
        {
            MemoryTransaction transaction = MemoryTransaction.Prepare(Process,
            [
                new(address, eight), new(address + 16, eight),
                Change(address + Page.Size),
            ]);
            error = Assert.Throws<MemProcException>(() => transaction.Commit(stop: false, verify: false));
            return error.Operation == Operation.RestoreMemory;
        });
        Assert.Equal("RestoreMemory,EAGAIN", error!.ErrorId);
        Assert.Contains($"put back: 8 bytes at 0x{address + 16:x}.", error.Message, StringComparison.Ordinal);
        Assert.Contains($"NOT put back: 8 bytes at 0x{address:x}, written as de ad be ef de ad be ef", error.Message,
            StringComparison.Ordinal);
        MemoryWrite left = Assert.Single(Assert.IsType<MemoryWrite[]>(error.Target));
        Assert.Equal((address, 8UL), (left.Address, left.Length));
        Assert.Equal(before, Peek(address + 16, 8));
    }

    [Fact]
    public void A_stopped_process_cannot_change_memory_between_writes()
    {
        ulong address = Fill(2);
        Requires.Refusal(Target, address + Page.Size);
        Target.Ask($"spin {address}");
        for (int round = 0; round < 20; round++)
        {
            MemoryTransaction transaction = MemoryTransaction.Prepare(Process,
                [new(address, new byte[8]), Change(address + Page.Size)]);
            MemProcException error = Assert.Throws<MemProcException>(() => transaction.Commit(stop: true, verify: false));
            Assert.Equal("WriteMemory,EBUSY", error.ErrorId);
        }

        Assert.NotEqual(0UL, BitConverter.ToUInt64(Peek(address, 8)));
        Target.Ask("still");
        Assert.Equal(0, Target.Exit());
    }

    [Fact]
    public async Task A_target_killed_during_a_write_is_reported_as_exited()
    {
        ulong address = Fill(2);
        // The second write waits in the kernel until the target exits.
        Requires.Stall(Target, address + Page.Size);
        MemoryTransaction transaction = MemoryTransaction.Prepare(
            Process, [Change(address), Change(address + Page.Size)], allowUserfault: true);
        Task<MemProcException> writing = Task.Factory.StartNew(
            () => Assert.Throws<MemProcException>(() => transaction.Commit(stop: false, verify: true)),
            TaskCreationOptions.LongRunning);
        MemoryReader reader = new(Process, ReadMethod.Auto);
        Assert.True(SpinWait.SpinUntil(
            () => reader.ReadExactly(address, 4).AsSpan().SequenceEqual(Word), TimeSpan.FromSeconds(30)));
        Assert.False(writing.IsCompleted);
        Shell.Run("kill", "-KILL", $"{Target.ProcessId}");
        MemProcException error = await writing.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal("WriteMemory,ESRCH", error.ErrorId);
        Assert.Contains("has exited", error.Message, StringComparison.Ordinal);
        Assert.True(SpinWait.SpinUntil(() => Target.HasExited, TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void A_process_that_cannot_be_stopped_is_not_written_to()
    {
        ulong address = Fill(1);
        byte[] before = Peek(address, 4);
        MemoryTransaction transaction = MemoryTransaction.Prepare(Process, [Change(address)]);
        using (ProcessStop.Begin(Process))
        {
            Assert.Equal("StopProcess,EPERM",
                Assert.Throws<MemProcException>(() => transaction.Commit(stop: true, verify: false)).ErrorId);
        }

        Assert.Equal(before, Peek(address, 4));
    }

    [Fact]
    public void A_cancelled_transaction_writes_nothing_and_the_process_continues()
    {
        ulong address = Fill(1);
        byte[] before = Peek(address, 4);
        using CancellationTokenSource interrupt = new();
        MemoryTransaction transaction = MemoryTransaction.Prepare(Process, [Change(address)], cancellation: interrupt.Token);
        interrupt.Cancel();
        foreach (bool stop in new[] { false, true })
        {
            Assert.ThrowsAny<OperationCanceledException>(() => transaction.Commit(stop, verify: false));
        }

        Assert.Equal(before, Peek(address, 4));
        Assert.Equal(0, Target.Exit());
    }

    [Fact]
    public void The_plan_describes_every_write()
    {
        ulong address = Fill(1);
        MemoryTransaction transaction = MemoryTransaction.Prepare(Process, [Change(address), Change(address + 8)]);
        string[] lines = transaction.Describe(stop: true).Split('\n');
        Assert.Equal($"Write 2 places of process {Process.Identity}, stopped meanwhile, all or none:", lines[0]);
        Assert.StartsWith($"  4 bytes at 0x{address:x}, mapping ", lines[1], StringComparison.Ordinal);
        Assert.EndsWith("becomes de ad be ef |....|", lines[2], StringComparison.Ordinal);
        Assert.Equal(3, lines.Length);
    }

    [Fact]
    public void Numbers_are_described_as_numbers()
    {
        ulong address = Fill(1);
        PlannedWrite Plan(object value, MemoryValueType type) => Assert.Single(MemoryTransaction.Prepare(Process,
            [new MemoryWriteRequest(address, MemoryValue.Encode(value, type)) { Type = type }]).Writes);
        byte[] before = Peek(address, 8);
        Assert.Equal($"{BitConverter.ToInt16(before)} becomes -2", Plan(-2, MemoryValueType.Int16).Change);
        Assert.Equal($"0x{BitConverter.ToUInt64(before):x} becomes 0x10", Plan(16, MemoryValueType.Pointer).Change);
        Assert.EndsWith(", mapping anonymous rw-p", Plan(1, MemoryValueType.Byte).Place, StringComparison.Ordinal);
    }

    private ulong Fill(ulong pages)
    {
        ulong address = Target.Ask($"map {pages * Page.Size} rw- private").Address("address");
        Target.Ask($"fill {address} {pages * Page.Size} 7");
        return address;
    }

    private byte[] Peek(ulong address, int length) =>
        Target.Ask($"peek {address} {length}").Bytes("bytes");

    private static MemoryWriteRequest Change(ulong address, byte[]? expected = null) =>
        new(address, Word, expected);
}

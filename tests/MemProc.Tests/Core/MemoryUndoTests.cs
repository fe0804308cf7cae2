using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests undo: exact, all or none, and only if the written bytes are still present.</summary>
public sealed class MemoryUndoTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_write_is_undone_and_the_undo_can_be_undone(bool stop)
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        IReadOnlyList<MemoryWrite> writes = MemoryTransaction.Prepare(process,
            [Change(address, "hello"), Change(address + 8, "world")]).Commit(stop, verify: false);
        Assert.Equal("helloFGHworld234", Text(target, address));

        MemoryTransaction undo = MemoryTransaction.PrepareUndo(process, writes);
        Assert.StartsWith($"Put back 2 places of process {process.Identity}", undo.Describe(stop: false),
            StringComparison.Ordinal);
        IReadOnlyList<MemoryWrite> undone = undo.Commit(stop, verify: true);
        Assert.Equal("ABCDEFGHIJKL1234", Text(target, address));
        Assert.Equal([address + 8, address], undone.Select(write => write.Address));

        MemoryTransaction.PrepareUndo(process, undone).Commit(stop, verify: false);
        Assert.Equal("helloFGHworld234", Text(target, address));
        Assert.Equal(0, target.Exit());
    }

    [Fact]
    public void Overlapping_writes_are_undone_in_reverse_order()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryWrite[] writes =
        [
            MemoryTransaction.Prepare(process, [Change(address, "hello")]).Do(),
            MemoryTransaction.Prepare(process, [Change(address + 3, "world")]).Do(),
            MemoryTransaction.Prepare(process, [Change(address + 2, "!")]).Do(),
        ];
        Assert.Equal("he!worldIJKL1234", Text(target, address));
        // In another order the current bytes differ.
        Assert.Equal("CompareMemory,EAGAIN", Assert.Throws<MemProcException>(
            () => MemoryTransaction.PrepareUndo(process, [writes[1], writes[0], writes[2]])).ErrorId);
        Assert.Equal("CompareMemory,EAGAIN", Assert.Throws<MemProcException>(
            () => MemoryTransaction.PrepareUndo(process, [writes[0]])).ErrorId);
        Assert.Equal("he!worldIJKL1234", Text(target, address));

        MemoryTransaction.PrepareUndo(process, writes).Commit(stop: true, verify: true);
        Assert.Equal("ABCDEFGHIJKL1234", Text(target, address));
    }

    [Fact]
    public void Bytes_changed_since_the_write_prevent_the_undo()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        IReadOnlyList<MemoryWrite> writes = MemoryTransaction.Prepare(process,
            [Change(address, "hello"), Change(address + 8, "world")]).Commit(stop: false, verify: false);
        MemoryTransaction late = MemoryTransaction.PrepareUndo(process, writes);
        MemoryTransaction.Prepare(process, [Change(address + 4, "O")]).Do();

        MemProcException error = Assert.Throws<MemProcException>(() => MemoryTransaction.PrepareUndo(process, writes));
        Assert.Equal("CompareMemory,EAGAIN", error.ErrorId);
        Assert.Contains("expected 68 65 6c 6c 6f |hello|, which was written there, found 68 65 6c 6c 4f |hellO|",
            error.Message, StringComparison.Ordinal);
        Assert.Equal("CompareMemory,EAGAIN",
            Assert.Throws<MemProcException>(() => late.Commit(stop: true, verify: false)).ErrorId);
        Assert.Equal("hellOFGHworld234", Text(target, address));
    }

    [Fact]
    public void A_forced_write_is_undone_by_force()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        target.Ask($"protect {address} 8192 r--");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryWrite write;
        try
        {
            write = MemoryTransaction.Prepare(process, [Change(address, "hello") with { Force = true }]).Do();
        }
        catch (MemProcException refused) when (refused.Errno is Errno.EACCES or Errno.EPERM or Errno.EIO)
        {
            Assert.Skip("needs proc_mem.force_override=always, the kernel's default");
            throw;
        }

        Assert.Equal("helloFGHIJKL1234", Text(target, address));
        Assert.Equal(WriteMethod.Mem, MemoryTransaction.PrepareUndo(process, [write]).Do(verify: true).Method);
        Assert.Equal("ABCDEFGHIJKL1234", Text(target, address));
    }

    [Fact]
    public void A_write_to_another_process_is_not_undone()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryWrite write = MemoryTransaction.Prepare(process, [Change(address, "hello")]).Do();
        // As if a newer process had the same id, with the same bytes at the same address.
        MemoryWrite older = MemoryWrite.Recreate(
            process.Identity with { StartTicks = write.ProcessStartTicks - 1 }, write.Address, write.PreviousBytes,
            write.Bytes, write.Method, write.Path);
        Assert.Equal("OpenProcess,ESRCH",
            Assert.Throws<MemProcException>(() => MemoryTransaction.PrepareUndo(process, [older])).ErrorId);
        Assert.Equal("OpenProcess,ESRCH", Assert.Throws<MemProcException>(
            () => LinuxProcess.Open(older.ProcessId, older.ProcessStartTicks)).ErrorId);
        // A process that has only changed its name is still the same.
        MemoryWrite renamed = MemoryWrite.Recreate(
            process.Identity with { Name = "other" }, write.Address, write.PreviousBytes, write.Bytes, write.Method,
            write.Path);
        MemoryTransaction.PrepareUndo(process, [renamed]).Do();
        Assert.Equal("ABCDEFGHIJKL1234", Text(target, address));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(2, 1)]
    [InlineData(0, 1)]
    public void Invalid_writes_are_rejected(int before, int after) => Assert.Throws<FormatException>(
        () => MemoryWrite.Recreate(new ProcessIdentity(1, "x", 1), 0x1000, new byte[before], new byte[after],
            WriteMethod.ProcessVm, ""));

    private static MemoryWriteRequest Change(ulong address, string text) =>
        new(address, Encoding.ASCII.GetBytes(text));

    private static string Text(TargetProcess target, ulong address) =>
        Encoding.ASCII.GetString(target.Ask($"peek {address} 16").Bytes("bytes"));
}

using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests writes: checked first, then done exactly or rejected without changes.</summary>
public sealed class MemoryWriteTests
{
    private static readonly byte[] Hello = Encoding.ASCII.GetBytes("hello\0");

    [Fact]
    public void Garlic_becomes_hello_in_the_target()
    {
        using TargetProcess target = TargetProcess.Start();
        TargetReply garlic = target.Ask("garlic");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        byte[] pointer = new byte[8];
        new MemoryReader(process, ReadMethod.Auto).Read(garlic.Address("pointer"), pointer);
        ulong address = (ulong)MemoryValue.Decode(pointer, MemoryValueType.Pointer);
        Assert.Equal(garlic.Address("text"), address);

        MemoryWrite write = Prepare(process, address, Hello, Encoding.ASCII.GetBytes("garlic\0")).Do(verify: true);
        Assert.Equal("hello", target.Ask($"say {address}").Text("text"));
        Assert.Equal("garlic", Encoding.ASCII.GetString(write.PreviousBytes));
        Assert.Equal((address, 6UL, WriteMethod.ProcessVm, true),
            (write.Address, write.Length, write.Method, write.IsVerified));
    }

    [Fact]
    public void Unexpected_bytes_prevent_the_write()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("garlic").Address("text");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemProcException error = Assert.Throws<MemProcException>(() =>
            Prepare(process, address, Hello, Encoding.ASCII.GetBytes("garlik")));
        Assert.Equal("CompareMemory,EAGAIN", error.ErrorId);
        Assert.Contains("67 61 72 6c 69 63", error.Message, StringComparison.Ordinal);
        Assert.Equal("garlic", target.Ask($"say {address}").Text("text"));
    }

    [Theory]
    [InlineData("r--")]
    [InlineData("---")]
    [InlineData("r-x")]
    public void Read_only_memory_is_written_with_force_only(string protection)
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        target.Ask($"protect {address} 8192 {protection}");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemProcException error = Assert.Throws<MemProcException>(
            () => Prepare(process, address, Hello));
        Assert.Equal("WriteMemory,EACCES", error.ErrorId);
        Assert.Contains("forced write", error.Message, StringComparison.Ordinal);

        MemoryTransaction forced = Prepare(process, address, Hello, force: true);
        try
        {
            Assert.Equal(WriteMethod.Mem, forced.Do(verify: true).Method);
        }
        catch (MemProcException refused) when (refused.Errno is Errno.EACCES or Errno.EPERM or Errno.EIO)
        {
            Assert.Skip("needs proc_mem.force_override=always, the kernel's default");
        }

        target.Ask($"protect {address} 8192 r--");
        Assert.Equal("hello", target.Ask($"say {address}").Text("text"));
    }

    [Fact]
    public void Shared_read_only_memory_cannot_be_forced()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("shared", new byte[Page.Size]);
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"file 0 {Page.Size} r-- shared {file}").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemProcException error = Assert.Throws<MemProcException>(
            () => Prepare(process, address, Hello, force: true));
        Assert.Equal("WriteMemory,EACCES", error.ErrorId);
        Assert.Contains("shared", error.Message, StringComparison.Ordinal);
        Assert.Equal(new byte[Page.Size], File.ReadAllBytes(file));
    }

    [Fact]
    public void Expected_bytes_are_checked_again_at_the_write()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("garlic").Address("text");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryTransaction late = Prepare(process, address, Hello, "garlic"u8.ToArray());
        Prepare(process, address, "ginger"u8.ToArray()).Do();
        MemProcException error = Assert.Throws<MemProcException>(() => late.Do());
        Assert.Equal("CompareMemory,EAGAIN", error.ErrorId);
        Assert.Equal("ginger", target.Ask($"say {address}").Text("text"));
    }

    [Fact]
    public void A_plan_has_the_address_and_the_bytes()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("garlic").Address("text");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PlannedWrite plan = Prepare(process, address, "G"u8.ToArray()).Writes[0];
        Assert.StartsWith($"1 byte at 0x{address:x} of process {target.ProcessId} (", plan.Place, StringComparison.Ordinal);
        Assert.Contains(" rw-p", plan.Place, StringComparison.Ordinal);
        Assert.Equal("67 |g| becomes 47 |G|", plan.Change);
    }

    [Fact]
    public void Nothing_is_written_to_or_across_a_hole()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {3 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 3");
        target.Ask($"unmap {address + Page.Size} {Page.Size}");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        foreach (ulong start in new[] { address + Page.Size, address + Page.Size - 3, address + 2 * Page.Size - 3 })
        {
            foreach (bool force in new[] { false, true })
            {
                MemProcException error = Assert.Throws<MemProcException>(() => Prepare(process, start, Hello, force: force));
                Assert.Equal("WriteMemory,EFAULT", error.ErrorId);
                Assert.Contains("nothing was written", error.Message, StringComparison.Ordinal);
            }
        }

        Assert.Equal(new byte[3], target.Ask($"peek {address + Page.Size - 3} 3").Bytes("bytes"));
    }

    [Fact]
    public void A_partial_write_is_rolled_back_and_reports_its_length()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 2");
        Requires.Refusal(target, address + Page.Size);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemProcException error = Assert.Throws<MemProcException>(
            () => Prepare(process, address + Page.Size - 4, Hello).Do());
        Assert.Equal("WriteMemory,EBUSY", error.ErrorId);
        Assert.Contains("4 of 6 bytes were written", error.Message, StringComparison.Ordinal);
        Assert.Contains($"put back: 4 bytes at 0x{address + Page.Size - 4:x}.", error.Message, StringComparison.Ordinal);
        Assert.Equal(new byte[4], target.Ask($"peek {address + Page.Size - 4} 4").Bytes("bytes"));
        Assert.Equal(new byte[] { 1, 0 }, target.Ask($"peek {address + Page.Size} 2").Bytes("bytes"));
    }

    [Fact]
    public void A_mapping_protected_after_the_check_is_not_written_to()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryTransaction late = Prepare(process, address, Hello);
        target.Ask($"protect {address} {Page.Size} r--");
        Assert.Equal("WriteMemory,EACCES", Assert.Throws<MemProcException>(() => late.Do()).ErrorId);
        Assert.Equal("ABC"u8.ToArray(), target.Ask($"peek {address} 3").Bytes("bytes"));
    }

    [Fact]
    public void A_forced_write_is_not_done_to_memory_that_became_writable()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        target.Ask($"protect {address} 8192 r--");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryTransaction late = Prepare(process, address, Hello, force: true);
        target.Ask($"protect {address} 8192 rw-");
        MemProcException error = Assert.Throws<MemProcException>(() => late.Do());
        Assert.Equal("WriteMemory,EAGAIN", error.ErrorId);
        Assert.Contains(" rw-p", error.Message, StringComparison.Ordinal);
        Assert.Equal("ABC"u8.ToArray(), target.Ask($"peek {address} 3").Bytes("bytes"));
    }

    [Fact]
    public void One_write_can_span_two_adjacent_mappings()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        target.Ask($"protect {address + Page.Size} {Page.Size} rwx");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Prepare(process, address + Page.Size - 2, Hello).Do(verify: true);
        Assert.Equal("hello", target.Ask($"say {address + Page.Size - 2}").Text("text"));
    }

    [Fact]
    public void Bytes_that_the_process_changes_back_fail_the_verification()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        target.Ask($"spin {address}");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.Contains(Enumerable.Range(0, 10_000), _ =>
        {
            try
            {
                Prepare(process, address, new byte[8]).Do(verify: true);
                return false;
            }
            catch (MemProcException error)
            {
                Assert.Equal("VerifyMemory,EIO", error.ErrorId);
                return true;
            }
        });
    }

    [Fact]
    public void Memory_that_a_thread_keeps_changing_is_written_exactly_while_the_process_is_stopped()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        target.Ask($"spin {address}");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryReader reader = new(process, ReadMethod.Auto);
        for (ulong round = 1; round <= 20; round++)
        {
            // The thread counts in the low half; the high half is the last written value.
            MemoryWrite write = Prepare(process, address + 4, BitConverter.GetBytes((uint)round),
                BitConverter.GetBytes((uint)(round - 1))).Do(stop: true, verify: true);
            Assert.True(write.IsVerified);
            Assert.Equal(round, BitConverter.ToUInt64(reader.ReadExactly(address, 8)) >> 32);
        }

        // All eight bytes: no increment of the thread is lost between the previous and the new value.
        MemoryWrite reset = Prepare(process, address, new byte[8]).Do(stop: true, verify: true);
        Assert.Equal(20UL, BitConverter.ToUInt64(reset.PreviousBytes) >> 32);
        Assert.Equal(0UL, BitConverter.ToUInt64(reader.ReadExactly(address, 8)) >> 32);
        target.Ask("still");
        Assert.Equal(0, target.Exit());
    }

    private static MemoryTransaction Prepare(
        LinuxProcess process, ulong address, byte[] bytes, byte[]? expected = null, bool force = false) =>
        MemoryTransaction.Prepare(process, [new MemoryWriteRequest(address, bytes, expected, force)]);
}

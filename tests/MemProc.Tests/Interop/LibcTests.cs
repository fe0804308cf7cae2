using System.Globalization;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Tests.Interop;

/// <summary>Tests the system calls on a live process.</summary>
public sealed class LibcTests
{
    private const int NoProcess = int.MaxValue;

    [Fact]
    public void OpenAt_returns_the_error_of_a_missing_file()
    {
        Errno errno = Libc.TryOpenAt(null, "/proc/no-such-file", OpenAccess.ReadOnly, out SafeFileHandle? none);
        Assert.Equal(Errno.ENOENT, errno);
        Assert.Null(none);
        ErrnoException missing = Assert.Throws<ErrnoException>(() => Libc.OpenAt(null, "/proc/no-such-file"));
        Assert.Equal(Errno.ENOENT, missing.Errno);
        Assert.Contains("/proc/no-such-file", missing.Message, StringComparison.Ordinal);
        Assert.Contains("ENOENT", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OpenAt_opens_from_a_directory_and_the_directory_follows_the_process()
    {
        using TargetProcess target = TargetProcess.Start();
        using SafeFileHandle directory = Libc.OpenAt(null, $"/proc/{target.ProcessId}");
        byte[] stat = new byte[4096];
        using (SafeFileHandle file = Libc.OpenAt(directory, "stat"))
        {
            int length = Libc.PReadFully(file, stat, 0);
            Assert.True(ProcessStat.TryParse(stat.AsSpan(0, length), out ProcessStat result));
            Assert.Equal(target.ProcessId, result.ProcessId);
        }

        Assert.Equal(Errno.ENOENT, Libc.TryOpenAt(directory, "no-such-file", OpenAccess.ReadOnly, out _));
        target.Kill();
        Assert.Equal(Errno.ESRCH, Libc.TryOpenAt(directory, "stat", OpenAccess.ReadOnly, out _));
    }

    [Fact]
    public void OpenAt_rejects_write_access_to_a_read_only_file() => Assert.Equal(
        Errno.EISDIR, Libc.TryOpenAt(null, "/proc", OpenAccess.ReadWrite, out _));

    [Fact]
    public void PRead_reads_memory_at_its_address()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using SafeFileHandle memory = Libc.OpenAt(null, $"/proc/{target.ProcessId}/mem");
        byte[] bytes = new byte[12];
        Assert.Equal(Errno.None, Libc.TryPRead(memory, bytes, address, out int read));
        Assert.Equal(12, read);
        Assert.Equal("ABCDEFGHIJKL"u8, bytes);

        // A hole follows the two pages: first the bytes before it are read, then the call fails.
        byte[] beyond = new byte[12288];
        Assert.Equal(Errno.None, Libc.TryPRead(memory, beyond, address, out read));
        Assert.Equal((int)Math.Max(8192, Page.Size), read);
        Assert.Equal(Errno.EIO, Libc.TryPRead(memory, beyond, address + (ulong)read, out read));
        Assert.Equal(0, read);
        ErrnoException failed = Assert.Throws<ErrnoException>(() => Libc.PReadFully(memory, beyond, address));
        Assert.Equal(Errno.EIO, failed.Errno);
    }

    [Fact]
    public void PRead_rejects_offsets_of_the_upper_half()
    {
        using SafeFileHandle memory = Libc.OpenAt(null, "/proc/self/mem");
        Assert.Equal(Errno.EINVAL, Libc.TryPRead(memory, new byte[8], 0xffffffffff600000, out int read));
        Assert.Equal(0, read);
    }

    [Fact]
    public void PRead_ends_with_the_file_and_with_the_process()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using SafeFileHandle memory = Libc.OpenAt(null, $"/proc/{target.ProcessId}/mem");
        using SafeFileHandle pagemap = Libc.OpenAt(null, $"/proc/{target.ProcessId}/pagemap");
        byte[] word = new byte[8];
        Assert.Equal(8, Libc.PReadFully(pagemap, word, address / Page.Size * 8));
        Assert.True(new RawPageMapEntry(BitConverter.ToUInt64(word)).IsPresent);
        Assert.Equal(0, Libc.PReadFully(pagemap, word, 0xffffffffff600000 / Page.Size * 8));

        target.Kill();
        Assert.Equal(Errno.None, Libc.TryPRead(memory, word, address, out int read));
        Assert.Equal(0, read);
        Assert.Equal(0, Libc.PReadFully(pagemap, word, address / Page.Size * 8));
    }

    [Fact]
    public void PWrite_changes_the_memory_that_the_process_reads()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong text = target.Ask("garlic").Address("text");
        using SafeFileHandle memory = Libc.OpenAt(null, $"/proc/{target.ProcessId}/mem", OpenAccess.ReadWrite);
        Assert.Equal(Errno.None, Libc.TryPWrite(memory, "hello\0"u8, text, out int written));
        Assert.Equal(6, written);
        Assert.Equal("hello", target.Ask($"say {text}").Text("text"));

        using SafeFileHandle reading = Libc.OpenAt(null, $"/proc/{target.ProcessId}/mem");
        Assert.Equal(Errno.EBADF, Libc.TryPWrite(reading, "x"u8, text, out written));
        Assert.Equal(0, written);
    }

    [Fact]
    public void ProcessVm_reads_and_writes()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong text = target.Ask("garlic").Address("text");
        byte[] bytes = new byte[7];
        Assert.Equal(Errno.None, Libc.TryProcessVmRead(target.ProcessId, text, bytes, out int read));
        Assert.Equal(7, read);
        Assert.Equal("garlic\0"u8, bytes);

        Assert.Equal(Errno.None, Libc.TryProcessVmWrite(target.ProcessId, text, "hello\0"u8, out int written));
        Assert.Equal(6, written);
        Assert.Equal("hello", target.Ask($"say {text}").Text("text"));
        Assert.Equal(Errno.None, Libc.TryProcessVmRead(target.ProcessId, text, bytes, out _));
        Assert.Equal("hello\0\0"u8, bytes);
    }

    [Fact]
    public void ProcessVm_transfers_any_bytes_of_any_length()
    {
        const int Length = 1_000_003;
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Length} rw- private").Address("address");
        target.Ask($"fill {address} {Length} 5");
        byte[] bytes = new byte[Length];
        Assert.Equal(Errno.None, Libc.TryProcessVmRead(target.ProcessId, address, bytes, out int read));
        Assert.Equal(Length, read);
        for (uint i = 0; i < Length; i++)
        {
            Assert.Equal(unchecked((byte)((i * 2654435761u >> 13) + 5)), bytes[i]);
        }

        Array.Reverse(bytes);
        Assert.Equal(Errno.None, Libc.TryProcessVmWrite(target.ProcessId, address, bytes, out int written));
        Assert.Equal(Length, written);
        Assert.Equal(bytes, target.Ask($"peek {address} {Length}").Bytes("bytes"));
    }

    [Fact]
    public void ProcessVm_stops_before_a_hole_and_fails_inside_it()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {3 * Page.Size} rw- private").Address("address");
        target.Ask($"unmap {address + Page.Size} {Page.Size}");
        byte[] bytes = new byte[3 * Page.Size];
        Assert.Equal(Errno.None, Libc.TryProcessVmRead(target.ProcessId, address, bytes, out int moved));
        Assert.Equal((int)Page.Size, moved);
        Assert.Equal(Errno.None, Libc.TryProcessVmWrite(target.ProcessId, address, bytes, out moved));
        Assert.Equal((int)Page.Size, moved);

        Assert.Equal(Errno.EFAULT, Libc.TryProcessVmRead(target.ProcessId, address + Page.Size, bytes, out moved));
        Assert.Equal(0, moved);
        Assert.Equal(Errno.EFAULT, Libc.TryProcessVmWrite(target.ProcessId, address + Page.Size, bytes, out moved));
        Assert.Equal(0, moved);
    }

    [Fact]
    public void ProcessVm_respects_the_protection_and_mem_does_not()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        target.Ask($"protect {address} 4096 r--");
        Assert.Equal(Errno.EFAULT, Libc.TryProcessVmWrite(target.ProcessId, address, "x"u8, out _));
        target.Ask($"protect {address} 4096 ---");
        byte[] bytes = new byte[3];
        Assert.Equal(Errno.EFAULT, Libc.TryProcessVmRead(target.ProcessId, address, bytes, out _));

        using SafeFileHandle memory = Libc.OpenAt(null, $"/proc/{target.ProcessId}/mem", OpenAccess.ReadWrite);
        Errno errno = Libc.TryPRead(memory, bytes, address, out _);
        Assert.SkipWhen(errno == Errno.EIO, "needs a kernel whose proc_mem.force_override is not never or ptrace");
        Assert.Equal(Errno.None, errno);
        Assert.Equal("ABC"u8, bytes);
        Assert.Equal(Errno.None, Libc.TryPWrite(memory, "x"u8, address, out _));
        target.Ask($"protect {address} 4096 rw-");
        Assert.StartsWith("xBC", target.Ask($"say {address}").Text("text"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_process_is_ESRCH()
    {
        Assert.Equal(Errno.ESRCH, Libc.TryProcessVmRead(NoProcess, 4096, new byte[1], out _));
        Assert.Equal(Errno.ESRCH, Libc.TryProcessVmWrite(NoProcess, 4096, new byte[1], out _));
        Assert.Equal(Errno.ESRCH, Libc.TryPidfdOpen(NoProcess, out SafeFileHandle? handle));
        Assert.Null(handle);
    }

    [Fact]
    public void A_pidfd_is_readable_once_the_process_has_exited()
    {
        using TargetProcess target = TargetProcess.Start();
        Assert.Equal(Errno.None, Libc.TryPidfdOpen(target.ProcessId, out SafeFileHandle? handle));
        using (handle)
        {
            Assert.False(Libc.IsReadable(handle!));
            Assert.Equal(0, target.Exit());
            Assert.True(Libc.IsReadable(handle!));
        }
    }

    [Fact]
    public void Write_continues_at_the_file_offset()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("some file", "12345"u8);
        using (SafeFileHandle file = Libc.OpenAt(null, path, OpenAccess.WriteOnly))
        {
            Assert.Equal(Errno.None, Libc.TryWrite(file, "ab"u8, out int written));
            Assert.Equal(2, written);
            Assert.Equal(Errno.None, Libc.TryWrite(file, "c"u8, out _));
            Assert.Equal(Errno.EBADF, Libc.TryPRead(file, new byte[1], 0, out _));
        }

        Assert.Equal("abc45", File.ReadAllText(path));
        using SafeFileHandle closed = Libc.OpenAt(null, path);
        Assert.Equal(Errno.EBADF, Libc.TryWrite(closed, "x"u8, out int nothing));
        Assert.Equal(0, nothing);
    }

    [Fact]
    public void StatX_equals_stat()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("some file", new byte[5000]);
        Assert.Equal(Errno.None, Libc.TryStatX(null, path, out FileStatus status));
        // makedev(3)
        ulong device = (status.DeviceMinor & 0xffUL) | (status.DeviceMajor & 0xfffUL) << 8
            | (status.DeviceMinor & ~0xffUL) << 12 | (status.DeviceMajor & ~0xfffUL) << 32;
        Assert.Equal(
            Shell.Run(Requires.Tool("stat"), "-c", "%d %i %s", path).TrimEnd(),
            $"{device} {status.Inode} {status.SizeBytes}");
        Assert.Equal(5000UL, status.SizeBytes);

        using SafeFileHandle directory = Libc.OpenAt(null, folder.Path);
        Assert.Equal(Errno.None, Libc.TryStatX(directory, "some file", out FileStatus same));
        Assert.Equal(status, same);
        Assert.Equal(Errno.ENOENT, Libc.TryStatX(directory, "no file", out _));
    }

    [Fact]
    public void A_thread_is_a_batch_thread_for_a_while()
    {
        int[] policies = [];
        Thread thread = new(() =>
        {
            int before = Policy();
            bool changed = Libc.TryBeginBatch();
            int meanwhile = Policy();
            bool again = Libc.TryBeginBatch();
            Libc.EndBatch();
            policies = [before, changed ? 1 : 0, meanwhile, again ? 1 : 0, Policy()];
        });
        thread.Start();
        thread.Join();
        const int Other = 0, Batch = 3;
        Assert.SkipWhen(policies[0] != Other, "runs under another scheduling policy");
        Assert.Equal([Other, 1, Batch, 0, Other], policies);

        // policy of proc(5), field 41; the fields after the name begin with field 3.
        static int Policy() => int.Parse(
            File.ReadAllText("/proc/thread-self/stat").Split(") ")[^1].Split(' ')[41 - 3], CultureInfo.InvariantCulture);
    }
}

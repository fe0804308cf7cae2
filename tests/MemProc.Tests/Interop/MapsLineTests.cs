using System.Text;
using MemProc.Interop;

namespace MemProc.Tests.Interop;

public sealed class MapsLineTests
{
    private const VmaPermissions Read = VmaPermissions.Read, Write = VmaPermissions.Write,
        Execute = VmaPermissions.Execute, Shared = VmaPermissions.Shared, None = VmaPermissions.None;

    /// <summary>Column at which the kernel starts the path, unless the numbers are longer.</summary>
    private const int PathColumn = 73;

    [Theory]
    // Recorded lines.
    [InlineData(
        "00400000-00401000 r-xp 00000000 fd:00 13592455                           /root/src/memory/vm/memory_layout",
        0x400000, 0x401000, Read | Execute, 0, 0xfd, 0, 13592455, "/root/src/memory/vm/memory_layout")]
    [InlineData("02166000-02187000 rw-p 00000000 00:00 0                                  [heap]",
        0x2166000, 0x2187000, Read | Write, 0, 0, 0, 0, "[heap]")]
    [InlineData("7f6f73ac9000-7f6f73cc9000 ---p 001c2000 fd:00 33593981                   /usr/lib64/libc-2.17.so",
        0x7f6f73ac9000, 0x7f6f73cc9000, None, 0x1c2000, 0xfd, 0, 33593981, "/usr/lib64/libc-2.17.so")]
    [InlineData("7f6f73ccf000-7f6f73cd4000 rw-p 00000000 00:00 0 ",
        0x7f6f73ccf000, 0x7f6f73cd4000, Read | Write, 0, 0, 0, 0, "")]
    [InlineData("7f6f73ccf000-7f6f73cd4000 rw-p 00000000 00:00 0",
        0x7f6f73ccf000, 0x7f6f73cd4000, Read | Write, 0, 0, 0, 0, "")]
    [InlineData("7f7f08d58000-7f7f08d59000 rw-s 00000000 00:04 0    /SYSV00003039 (deleted)",
        0x7f7f08d58000, 0x7f7f08d59000, Read | Write | Shared, 0, 0, 4, 0, "/SYSV00003039 (deleted)")]
    [InlineData("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]",
        0xffffffffff600000, 0xffffffffff601000, Execute, 0, 0, 0, 0, "[vsyscall]")]
    // Recorded on Linux 6.18.
    [InlineData("7ff047f9c000-7ff047fa0000 r--p 00000000 00:00 0                          [vvar]\n",
        0x7ff047f9c000, 0x7ff047fa0000, Read, 0, 0, 0, 0, "[vvar]")]
    [InlineData("7febbc25a000-7febbc25c000 rw-s 00000000 00:01 1037                       /memfd:a name (deleted)",
        0x7febbc25a000, 0x7febbc25c000, Read | Write | Shared, 0, 0, 1, 1037, "/memfd:a name (deleted)")]
    [InlineData("7fbd5ae1e000-7fbd5ae1f000 r--p 00001000 fe:00 419532                     "
        + "/tmp/a b\\012\u001b[31m\\ (deleted)",
        0x7fbd5ae1e000, 0x7fbd5ae1f000, Read, 0x1000, 0xfe, 0, 419532, "/tmp/a b\\012\u001b[31m\\ (deleted)")]
    // Made according to show_map_vma and the naming of anonymous memory.
    [InlineData("7f0000000000-7f0000001000 rwxs 00000000 00:00 0                          [anon:x y]",
        0x7f0000000000, 0x7f0000001000, Read | Write | Execute | Shared, 0, 0, 0, 0, "[anon:x y]")]
    [InlineData("7f0000000000-7f0000001000 r--p fffffffffffff000 103:fffff 18446744073709551615 /trailing blank \n",
        0x7f0000000000, 0x7f0000001000, Read, 0xfffffffffffff000, 0x103, 0xfffff, ulong.MaxValue, "/trailing blank ")]
    public void A_line_is_parsed(
        string line, ulong start, ulong end, VmaPermissions permissions, ulong offset, uint major, uint minor,
        ulong inode, string path)
    {
        Assert.True(MapsLine.TryParse(Encoding.UTF8.GetBytes(line), out MapsLine result));
        Assert.Equal(start, result.Start);
        Assert.Equal(end, result.End);
        Assert.Equal(permissions, result.Permissions);
        Assert.Equal(offset, result.Offset);
        Assert.Equal(major, result.DeviceMajor);
        Assert.Equal(minor, result.DeviceMinor);
        Assert.Equal(inode, result.Inode);
        Assert.Equal(path, Encoding.UTF8.GetString(result.Path));
    }

    [Fact]
    public void A_path_is_kept_byte_for_byte()
    {
        byte[] line = [.. "00400000-00401000 r-xp 00000000 fd:00 7 /"u8, 0xff, 0xfe, 0x80, (byte)'\n'];
        Assert.True(MapsLine.TryParse(line, out MapsLine result));
        Assert.Equal([(byte)'/', 0xff, 0xfe, 0x80], result.Path.ToArray());
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("-")]
    [InlineData("00400000")]
    [InlineData("00400000-")]
    [InlineData("00400000-00401000")]
    [InlineData("00400000-00401000 ")]
    [InlineData("00400000-00401000 r-x")]
    [InlineData("00400000-00401000 r-xp")]
    [InlineData("00400000-00401000 r-xp ")]
    [InlineData("00400000-00401000 r-xp 00000000")]
    [InlineData("00400000-00401000 r-xp 00000000 fd")]
    [InlineData("00400000-00401000 r-xp 00000000 fd:00")]
    [InlineData("00400000-00401000 r-xp 00000000 fd:00 ")]
    [InlineData("00400000-00401000 r-xp 00000000 fd:00 x")]
    [InlineData("00400000-00401000 r-xp 00000000 fd:00 99999999999999999999 /x")]
    [InlineData("00400000-00401000 r-xq 00000000 fd:00 1 /x")]
    [InlineData("00400000-00401000 w-xp 00000000 fd:00 1 /x")]
    [InlineData("00400000-00401000 rr-p 00000000 fd:00 1 /x")]
    [InlineData("00400000-00401000 rwwp 00000000 fd:00 1 /x")]
    [InlineData("00400000-00401000 rwxp00000000 fd:00 1 /x")]
    [InlineData("00400000 00401000 r-xp 00000000 fd:00 1 /x")]
    [InlineData(" 00400000-00401000 r-xp 00000000 fd:00 1 /x")]
    [InlineData("0x400000-0x401000 r-xp 00000000 fd:00 1 /x")]
    [InlineData("g0400000-00401000 r-xp 00000000 fd:00 1 /x")]
    [InlineData("10000000000000000-00401000 r-xp 00000000 fd:00 1 /x")]
    [InlineData("Rss:                   4 kB")]
    [InlineData("VmFlags: rd ex mr mw me")]
    public void Invalid_lines_are_rejected(string line) =>
        Assert.False(MapsLine.TryParse(Encoding.UTF8.GetBytes(line), out _));

    [Fact]
    public void Damaged_lines_never_throw()
    {
        int accepted = 0, refused = 0;
        foreach (byte[] line in Mutation.Of(
            "00400000-00401000 r-xp 00000000 fd:00 13592455                           /root/memory_layout\n",
            "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]"))
        {
            _ = MapsLine.TryParse(line, out _) ? accepted++ : refused++;
        }

        Assert.True(accepted > 1000 && refused > 1000, $"{accepted} accepted, {refused} refused");
    }

    [Fact]
    public void Every_line_of_a_live_process_can_be_written_back()
    {
        using TargetProcess target = TargetProcess.Start();
        target.Ask("seed");
        target.Ask("memfd 4096 a name");
        int count = 0;
        foreach (string line in File.ReadLines($"/proc/{target.ProcessId}/maps"))
        {
            Assert.True(MapsLine.TryParse(Encoding.UTF8.GetBytes(line), out MapsLine result));
            Assert.Equal(line, WriteBack(result));
            count++;
        }

        Assert.True(count > 10);
    }

    private static string WriteBack(MapsLine line)
    {
        VmaPermissions permissions = line.Permissions;
        string letters = string.Concat("rwx".Select((letter, bit) => ((int)permissions >> bit & 1) != 0 ? letter : '-'))
            + (permissions.HasFlag(Shared) ? 's' : 'p');
        string numbers = $"{line.Start:x8}-{line.End:x8} {letters} {line.Offset:x8} "
            + $"{line.DeviceMajor:x2}:{line.DeviceMinor:x2} {line.Inode} ";
        return line.Path.Length == 0 ? numbers : numbers.PadRight(PathColumn) + Encoding.UTF8.GetString(line.Path);
    }
}

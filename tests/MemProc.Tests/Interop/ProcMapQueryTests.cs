using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Tests.Interop;

/// <summary>Compares PROCMAP_QUERY on a live process with its maps.</summary>
public sealed class ProcMapQueryTests
{
    private const string Request = "PROCMAP_QUERY (Linux 6.11)";

    [Fact]
    public void It_equals_maps_for_every_mapping()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("a b", new byte[3 * Page.Size]);
        using TargetProcess target = TargetProcess.Start();
        target.Ask("seed");
        target.Ask("memfd 4096 a name");
        target.Ask($"map {Page.Size} --- shared");
        target.Ask($"file {Page.Size} {Page.Size} r-x private {path}");
        using SafeFileHandle maps = Libc.OpenAt(null, $"/proc/{target.ProcessId}/maps");

        // The runtime may still map memory; results count only if maps did not change.
        for (int attempt = 0; attempt < 20; attempt++)
        {
            string[] before = Lines(target);
            string[] answers = [.. before.Select(line => Describe(maps, line))];
            if (before.SequenceEqual(Lines(target)))
            {
                Assert.Equal(before.Select(Describe), answers);
                return;
            }
        }

        Assert.Fail("the maps of an idle target keep changing");
    }

    [Fact]
    public void A_hole_has_no_mapping_but_the_next_one_is_found()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using SafeFileHandle maps = Libc.OpenAt(null, $"/proc/{target.ProcessId}/maps");
        Errno errno = ProcMapQuery.TryQuery(
            maps, address, orNext: false, out ProcMapQueryArgument answer, out byte[] name);
        Requires.Request(errno, Request);
        Assert.Equal(Errno.None, errno);
        Assert.Equal(address, answer.VmaStart);
        Assert.Equal(address + Math.Max(8192, Page.Size), answer.VmaEnd);
        Assert.Equal(VmaPermissions.Read | VmaPermissions.Write, (VmaPermissions)answer.VmaFlags);
        Assert.Equal(Page.Size, answer.VmaPageSize);
        Assert.Empty(name);

        Assert.Equal(Errno.None, ProcMapQuery.TryQuery(maps, answer.VmaEnd - 1, orNext: false, out answer, out _));
        Assert.Equal(address, answer.VmaStart);
        Assert.Equal(Errno.ENOENT, ProcMapQuery.TryQuery(maps, address - 1, orNext: false, out _, out name));
        Assert.Empty(name);
        Assert.Equal(Errno.None, ProcMapQuery.TryQuery(maps, address - 1, orNext: true, out answer, out _));
        Assert.Equal(address, answer.VmaStart);
    }

    [Fact]
    public void A_newline_in_a_name_is_not_escaped_as_in_maps()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("a\n\e\\b", new byte[1]);
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"file 0 {Page.Size} r-- private {folder.Path}/a\\n\\e\\\\b").Address("address");
        File.Delete(path);
        using SafeFileHandle maps = Libc.OpenAt(null, $"/proc/{target.ProcessId}/maps");
        Errno errno = ProcMapQuery.TryQuery(maps, address, orNext: false, out _, out byte[] name);
        Requires.Request(errno, Request);
        Assert.Equal(Errno.None, errno);
        Assert.Equal($"{path} (deleted)", Encoding.UTF8.GetString(name));
        Assert.Contains(Lines(target), line => line.EndsWith(
            $"{path.Replace("\n", "\\012", StringComparison.Ordinal)} (deleted)", StringComparison.Ordinal));
    }

    [Fact]
    public void No_mapping_is_found_above_the_last_one()
    {
        using SafeFileHandle maps = Libc.OpenAt(null, "/proc/self/maps");
        Errno errno = ProcMapQuery.TryQuery(maps, ulong.MaxValue, orNext: true, out _, out _);
        Requires.Request(errno, Request);
        Assert.Equal(Errno.ENOENT, errno);
    }

    [Fact]
    public void A_dead_process_is_ESRCH()
    {
        using TargetProcess target = TargetProcess.Start();
        using SafeFileHandle maps = Libc.OpenAt(null, $"/proc/{target.ProcessId}/maps");
        target.Kill();
        Errno errno = ProcMapQuery.TryQuery(maps, 0, orNext: true, out _, out _);
        Requires.Request(errno, Request);
        Assert.Equal(Errno.ESRCH, errno);
    }

    // maps adds the line of [vsyscall], which is not a mapping of the process.
    private static string[] Lines(TargetProcess target) => [.. File.ReadLines($"/proc/{target.ProcessId}/maps")
        .Where(line => !line.EndsWith("[vsyscall]", StringComparison.Ordinal))];

    private static string Describe(string line)
    {
        Assert.True(MapsLine.TryParse(Encoding.UTF8.GetBytes(line), out MapsLine mapping));
        string path = Encoding.UTF8.GetString(mapping.Path);
        return $"{mapping.Start:x}-{mapping.End:x} {mapping.Permissions} {mapping.Offset:x} "
            + $"{mapping.DeviceMajor:x}:{mapping.DeviceMinor:x} {mapping.Inode} {path}";
    }

    private static string Describe(SafeFileHandle maps, string line)
    {
        Assert.True(MapsLine.TryParse(Encoding.UTF8.GetBytes(line), out MapsLine mapping));
        Errno errno = ProcMapQuery.TryQuery(
            maps, mapping.End - 1, orNext: false, out ProcMapQueryArgument answer, out byte[] name);
        Requires.Request(errno, Request);
        return errno == Errno.None
            ? $"{answer.VmaStart:x}-{answer.VmaEnd:x} {(VmaPermissions)answer.VmaFlags} {answer.VmaOffset:x} "
                + $"{answer.DeviceMajor:x}:{answer.DeviceMinor:x} {answer.Inode} {Encoding.UTF8.GetString(name)}"
            : $"{errno}";
    }
}

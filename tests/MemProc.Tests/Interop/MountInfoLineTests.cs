using System.Text;
using MemProc.Interop;

namespace MemProc.Tests.Interop;

public sealed class MountInfoLineTests
{
    [Theory]
    // Recorded on Linux 6.18 and in containers, and the example with tags in the kernel's documentation.
    [InlineData("35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n",
        0, 32, "/", "/sys/fs/cgroup/memory", "cgroup", "rw,memory")]
    [InlineData("41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
        0, 38, "/", "/sys/fs/cgroup/unified", "cgroup2", "rw")]
    [InlineData("1204 1203 0:30 /../../docker/ab /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw",
        0, 30, "/../../docker/ab", "/sys/fs/cgroup", "cgroup2", "rw")]
    [InlineData("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
        98, 0, "/mnt1", "/mnt2", "ext3", "rw,errors=continue")]
    [InlineData("36 35 98:0 /mnt1 /mnt2 rw,noatime shared:2 master:1 propagate_from:3 - ext3 /dev/root rw",
        98, 0, "/mnt1", "/mnt2", "ext3", "rw")]
    // A hyphen as a folder name is not a separator, and a source can be missing.
    [InlineData("36 35 4095:1048575 /- /- rw - tmpfs  rw,size=4k", 4095, 1048575, "/-", "/-", "tmpfs", "rw,size=4k")]
    public void A_mount_has_device_root_mount_point_and_type(
        string line, uint major, uint minor, string root, string mountPoint, string type, string options)
    {
        Assert.True(MountInfoLine.TryParse(Encoding.UTF8.GetBytes(line), out MountInfoLine mount));
        Assert.Equal((major, minor), (mount.DeviceMajor, mount.DeviceMinor));
        Assert.Equal(root, MountInfoLine.Unescape(mount.Root));
        Assert.Equal(mountPoint, MountInfoLine.Unescape(mount.MountPoint));
        Assert.Equal(type, Encoding.UTF8.GetString(mount.FileSystem));
        Assert.Equal(options, Encoding.UTF8.GetString(mount.SuperOptions));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("36 35 98:0 /mnt1 /mnt2 rw,noatime")]
    [InlineData("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 ext3 /dev/root rw")]
    [InlineData("36 35 98 /mnt1 /mnt2 rw - ext3 /dev/root rw")]
    [InlineData("36 35 98: /mnt1 /mnt2 rw - ext3 /dev/root rw")]
    [InlineData("36 35 98:0x /mnt1 /mnt2 rw - ext3 /dev/root rw")]
    [InlineData("36 35 a:0 /mnt1 /mnt2 rw - ext3 /dev/root rw")]
    public void Other_lines_are_not_mounts(string line) =>
        Assert.False(MountInfoLine.TryParse(Encoding.UTF8.GetBytes(line), out _));

    [Theory]
    [InlineData("rw,memory", true)]
    [InlineData("rw,cpu,memory,xattr", true)]
    [InlineData("rw,memory_recursiveprot", false)]
    [InlineData("rw,xmemory", false)]
    [InlineData("", false)]
    public void An_option_is_a_whole_word(string options, bool expected)
    {
        Assert.True(MountInfoLine.TryParse(
            Encoding.UTF8.GetBytes($"1 2 0:32 / /sys rw - cgroup cgroup {options}"), out MountInfoLine mount));
        Assert.Equal(expected, mount.HasSuperOption("memory"u8));
    }

    [Theory]
    [InlineData("/plain", "/plain")]
    [InlineData("/a\\040b\\011c\\012d\\134e", "/a b\tc\nd\\e")]
    [InlineData("/\\303\\244", "/ä")]
    [InlineData("/end\\04", "/end\\04")]
    [InlineData("/not\\999", "/not\\999")]
    public void Escapes_are_decoded(string field, string path) =>
        Assert.Equal(path, MountInfoLine.Unescape(Encoding.UTF8.GetBytes(field)));
}

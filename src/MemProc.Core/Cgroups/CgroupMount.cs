using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>Where the hierarchy of memory cgroups can be seen.</summary>
/// <param name="MountPoint">The folder that it is mounted on.</param>
/// <param name="Root">
/// Which cgroup that folder is: <c>/</c>, or one below where a container sees only its own part.
/// </param>
/// <param name="DeviceMajor">Major number of the hierarchy's device.</param>
/// <param name="DeviceMinor">Minor number of the hierarchy's device.</param>
internal sealed record CgroupMount(string MountPoint, string Root, uint DeviceMajor, uint DeviceMinor)
{
    /// <summary>
    /// Finds the mount, null where there is none in sight. The memory controller is in one hierarchy only, of
    /// version 1 or 2, and each hierarchy counts its inodes from 1: the other ones must not be asked.
    /// </summary>
    /// <param name="files">Where procfs and sysfs are.</param>
    public static CgroupMount? Find(KernelFiles files)
    {
        bool isVersion1 = Lines($"{files.Proc}/self/cgroup").Any(IsMemoryOfVersion1);
        CgroupMount? best = null;
        foreach (string line in Lines($"{files.Proc}/self/mountinfo"))
        {
            // The widest view is the best one, and of equal views the one mounted last, which lies on top.
            if (Parse(line, isVersion1, files) is CgroupMount mount && mount.IsVisible()
                && mount.Root.Length <= (best?.Root.Length ?? int.MaxValue))
            {
                best = mount;
            }
        }

        return best;
    }

    /// <summary>Whether a file belongs to the hierarchy.</summary>
    public bool Holds(in FileStatus status) =>
        status.DeviceMajor == DeviceMajor && status.DeviceMinor == DeviceMinor;

    /// <summary>The cgroup's name in the hierarchy, as <c>/proc/PID/cgroup</c> has it.</summary>
    /// <param name="below">Its path below the mount, empty for the mount itself.</param>
    public string NameOf(string below) => below.Length == 0 ? Root : $"{Root.TrimEnd('/')}/{below}";

    /// <summary>Another mount can lie on top of this one.</summary>
    private bool IsVisible() => Libc.TryStatX(null, MountPoint, out FileStatus status) == Errno.None && Holds(status);

    private static CgroupMount? Parse(string text, bool isVersion1, KernelFiles files)
    {
        if (!MountInfoLine.TryParse(Encoding.UTF8.GetBytes(text), out MountInfoLine line)
            || !(isVersion1
                ? line.FileSystem.SequenceEqual("cgroup"u8) && line.HasSuperOption("memory"u8)
                : line.FileSystem.SequenceEqual("cgroup2"u8)))
        {
            return null;
        }

        string place = MountInfoLine.Unescape(line.MountPoint);
        return new CgroupMount(
            place.StartsWith("/sys/", StringComparison.Ordinal) ? $"{files.Sys}{place["/sys".Length..]}" : place,
            MountInfoLine.Unescape(line.Root), line.DeviceMajor, line.DeviceMinor);
    }

    /// <summary>A line of <c>/proc/self/cgroup</c>: <c>4:memory:/path</c>; version 2 has <c>0::/path</c>.</summary>
    private static bool IsMemoryOfVersion1(string line) =>
        line.Split(':', 3) is [_, string controllers, _] && controllers.Split(',').Contains("memory");

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Kernels without cgroups, and sandboxes that close procfs: nothing is in sight.
            return [];
        }
    }
}

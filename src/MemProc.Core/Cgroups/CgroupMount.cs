using MemProc.Interop;

namespace MemProc;

/// <summary>The mount of the hierarchy of memory cgroups.</summary>
/// <param name="MountPoint">The folder on which it is mounted.</param>
/// <param name="Root">
/// The cgroup of that folder: <c>/</c>, or one below it where a container shows only its own part.
/// </param>
/// <param name="DeviceMajor">Major number of the hierarchy's device.</param>
/// <param name="DeviceMinor">Minor number of the hierarchy's device.</param>
/// <param name="IsVersion2">Whether it is a hierarchy of version 2.</param>
internal sealed record CgroupMount(string MountPoint, string Root, uint DeviceMajor, uint DeviceMinor, bool IsVersion2)
{
    /// <summary>
    /// Finds the mount; null where none is visible. The memory controller is in one hierarchy only, of version 1 or 2,
    /// and each hierarchy numbers its inodes from 1: the other ones must not be used.
    /// </summary>
    /// <param name="files">Where procfs and sysfs are.</param>
    public static CgroupMount? Find(KernelFiles files)
    {
        bool isVersion1 = Lines($"{files.Proc}/self/cgroup").Any(IsMemoryOfVersion1);
        CgroupMount? best = null;
        foreach (string line in Lines($"{files.Proc}/self/mountinfo"))
        {
            // The widest view is the best one, and of equal views the one mounted last, which is on top.
            if (Parse(line, isVersion1, files) is CgroupMount mount && mount.IsVisible()
                && mount.Root.Length <= (best?.Root.Length ?? int.MaxValue))
            {
                best = mount;
            }
        }

        return best;
    }

    /// <summary>Returns whether a file belongs to the hierarchy.</summary>
    public bool Contains(in FileStatus status) =>
        status.DeviceMajor == DeviceMajor && status.DeviceMinor == DeviceMinor;

    /// <summary>Returns the name of a cgroup in the hierarchy, as <c>/proc/PID/cgroup</c> has it.</summary>
    /// <param name="below">Its path below the mount, empty for the mount itself.</param>
    public string NameOf(string below) => below.Length == 0 ? Root : $"{Root.TrimEnd('/')}/{below}";

    /// <summary>
    /// Returns the cgroup that a line of <c>/proc/PID/cgroup</c> names, by its path in the hierarchy; null where the line is
    /// about another hierarchy.
    /// </summary>
    public string? NameIn(string line) => line.Split(':', 3) is [string id, string controllers, string name]
        && (IsVersion2 ? id == "0" && controllers.Length == 0 : controllers.Split(',').Contains("memory")) ? name : null;

    /// <summary>Returns the path below the mount of the cgroup of this program; null where it is not visible.</summary>
    /// <param name="files">Where procfs is.</param>
    public string? BelowOfSelf(KernelFiles files) =>
        Lines($"{files.Proc}/self/cgroup").Select(NameIn).FirstOrDefault(name => name is not null) is string name
            ? BelowOf(name)
            : null;

    /// <summary>
    /// Returns the path of a cgroup below the mount, empty for the mount itself; null where it is outside of what the mount
    /// shows, as for <c>/..</c> in a cgroup namespace.
    /// </summary>
    /// <param name="name">Its path in the hierarchy.</param>
    public string? BelowOf(string name)
    {
        string root = Root.TrimEnd('/');
        return (name == root || name.StartsWith($"{root}/", StringComparison.Ordinal))
            && !name.Split('/').Contains("..")
            ? name[root.Length..].Trim('/')
            : null;
    }

    /// <summary>Returns whether no other mount is on top of this one.</summary>
    private bool IsVisible() => Libc.TryStatX(null, MountPoint, out FileStatus status) == Errno.None && Contains(status);

    private static CgroupMount? Parse(string text, bool isVersion1, KernelFiles files)
    {
        if (!MountInfoLine.TryParse(PathText.Encode(text), out MountInfoLine line)
            || !(isVersion1
                ? line.FileSystem.SequenceEqual("cgroup"u8) && line.HasSuperOption("memory"u8)
                : line.FileSystem.SequenceEqual("cgroup2"u8)))
        {
            return null;
        }

        string mountPoint = MountInfoLine.Unescape(line.MountPoint);
        return new CgroupMount(
            mountPoint.StartsWith("/sys/", StringComparison.Ordinal)
                ? $"{files.Sys}{mountPoint["/sys".Length..]}"
                : mountPoint,
            MountInfoLine.Unescape(line.Root), line.DeviceMajor, line.DeviceMinor, !isVersion1);
    }

    /// <summary>
    /// Returns whether a line of <c>/proc/self/cgroup</c> is that of the memory controller of version 1:
    /// <c>4:memory:/path</c>. Version 2 has <c>0::/path</c>.
    /// </summary>
    private static bool IsMemoryOfVersion1(string line) =>
        line.Split(':', 3) is [_, string controllers, _] && controllers.Split(',').Contains("memory");

    private static string[] Lines(string path)
    {
        try
        {
            return PathText.Decode(File.ReadAllBytes(path)).Split('\n');
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Kernels without cgroups, and sandboxes that restrict procfs: nothing is visible.
            return [];
        }
    }
}

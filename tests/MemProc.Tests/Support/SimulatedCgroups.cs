using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>
/// Folders that stand for hierarchies of cgroups, and the files of procfs that name them. Inodes and devices are
/// those that the folders really have.
/// </summary>
internal sealed class SimulatedCgroups : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _mounts = [];

    /// <summary>Makes the folders of procfs and sysfs.</summary>
    public SimulatedCgroups()
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, "proc/self"));
        Directory.CreateDirectory(Path.Combine(_folder.Path, "sys/fs/cgroup"));
        WriteMounts();
    }

    /// <summary>Where the kernel's files are.</summary>
    public KernelFiles Files => new(Proc: $"{_folder.Path}/proc", Sys: $"{_folder.Path}/sys");

    /// <summary>The folder that stands for <c>/sys/fs/cgroup</c>.</summary>
    public string Root => $"{Files.Sys}/fs/cgroup";

    /// <summary>Mounts a hierarchy.</summary>
    /// <param name="name">Its folder in <c>/sys/fs/cgroup</c>; empty for that folder itself.</param>
    /// <param name="type"><c>cgroup</c> or <c>cgroup2</c>.</param>
    /// <param name="options">Options of the file system, where version 1 names controllers.</param>
    /// <param name="root">Which cgroup the folder is.</param>
    /// <param name="device">The device that mountinfo names; the folder's own where it is left out.</param>
    public void Mount(string name, string type, string options, string root = "/", string? device = null)
    {
        string folder = name.Length == 0 ? Root : Path.Combine(Root, name);
        Directory.CreateDirectory(folder);
        Assert.Equal(Errno.None, Libc.TryStatX(null, folder, out FileStatus status));
        device ??= $"{status.DeviceMajor}:{status.DeviceMinor}";
        _mounts.Add($"40 30 {device} {root} {folder[_folder.Path.Length..]} rw - {type} {type} {options}");
        WriteMounts();
    }

    /// <summary>Says which cgroups the test itself is in.</summary>
    public void Join(params string[] lines) =>
        File.WriteAllLines(Path.Combine(_folder.Path, "proc/self/cgroup"), lines);

    /// <summary>Makes a cgroup.</summary>
    /// <returns>Its inode.</returns>
    public ulong Make(string below)
    {
        string folder = Path.Combine(Root, below);
        Directory.CreateDirectory(folder);
        Assert.Equal(Errno.None, Libc.TryStatX(null, folder, out FileStatus status));
        return status.Inode;
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    private void WriteMounts() => File.WriteAllLines(Path.Combine(_folder.Path, "proc/self/mountinfo"),
        ["27 1 254:0 / / rw - ext4 /dev/vda rw", "no line of the kernel", .. _mounts]);
}

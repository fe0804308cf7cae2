using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>
/// Simulated cgroup hierarchies in regular folders, and the procfs files that name them. Inodes and devices are the
/// real ones of the folders.
/// </summary>
internal sealed class SimulatedCgroups : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _mounts = [];

    /// <summary>Creates the folders of procfs and sysfs.</summary>
    public SimulatedCgroups()
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, "proc/self"));
        Directory.CreateDirectory(Path.Combine(_folder.Path, "sys/fs/cgroup"));
        WriteMounts();
    }

    /// <summary>The paths of the kernel's files.</summary>
    public KernelFiles Files => new(Proc: $"{_folder.Path}/proc", Sys: $"{_folder.Path}/sys");

    /// <summary>The folder that simulates <c>/sys/fs/cgroup</c>.</summary>
    public string Root => $"{Files.Sys}/fs/cgroup";

    /// <summary>Mounts a hierarchy.</summary>
    /// <param name="name">Its folder in <c>/sys/fs/cgroup</c>; empty for that folder itself.</param>
    /// <param name="type"><c>cgroup</c> or <c>cgroup2</c>.</param>
    /// <param name="options">Options of the file system; version 1 names the controllers there.</param>
    /// <param name="root">The cgroup of the folder.</param>
    /// <param name="device">The device in mountinfo; by default that of the folder.</param>
    public void Mount(string name, string type, string options, string root = "/", string? device = null)
    {
        string folder = name.Length == 0 ? Root : Path.Combine(Root, name);
        Directory.CreateDirectory(folder);
        Assert.Equal(Errno.None, Libc.TryStatX(null, folder, out FileStatus status));
        device ??= $"{status.DeviceMajor}:{status.DeviceMinor}";
        _mounts.Add($"40 30 {device} {root} {folder[_folder.Path.Length..]} rw - {type} {type} {options}");
        WriteMounts();
    }

    /// <summary>Writes the cgroups of the test process.</summary>
    public void Join(params string[] lines) =>
        File.WriteAllLines(Path.Combine(_folder.Path, "proc/self/cgroup"), lines);

    /// <summary>Creates a cgroup.</summary>
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

using System.Globalization;
using System.Numerics;
using Microsoft.Win32.SafeHandles;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// The devices of files that live in memory: those of tmpfs and hugetlbfs, and the kernel's own of both, which back
/// memfd, System V and shared anonymous memory.
/// </summary>
/// <param name="process">The process in whose mount namespace they are looked up.</param>
internal sealed class MemoryDevices(LinuxProcess process)
{
    private static readonly Lazy<HashSet<(uint Major, uint Minor)>> OfKernel = new(ReadOfKernel);

    private HashSet<(uint Major, uint Minor)>? _mounted;

    /// <summary>
    /// Returns whether the missing pages of a mapping can be supplied by userfaultfd(2): those of private anonymous
    /// memory, and of files in memory. Names do not decide, since a process chooses the names of its files.
    /// </summary>
    /// <param name="map">The mapping.</param>
    public bool CanHaveUserfault(ProcMap map) => map.Inode == 0
        ? map.Kind is ProcMapKind.Anonymous or ProcMapKind.NamedAnonymous or ProcMapKind.Heap or ProcMapKind.Stack
        : map.DeviceNumbers.Major == 0
            && (OfKernel.Value.Contains(map.DeviceNumbers) || Mounted().Contains(map.DeviceNumbers));

    private HashSet<(uint Major, uint Minor)> Mounted()
    {
        if (_mounted is null)
        {
            HashSet<(uint Major, uint Minor)> mounted = [];
            using ProcfsLines lines = new(process, "mountinfo", Operation.ReadMemory);
            while (lines.MoveNext())
            {
                if (MountInfoLine.TryParse(lines.Current, out MountInfoLine line)
                    && (line.FileSystem.SequenceEqual("tmpfs"u8) || line.FileSystem.SequenceEqual("hugetlbfs"u8)))
                {
                    mounted.Add((line.DeviceMajor, line.DeviceMinor));
                }
            }

            _mounted = mounted;
        }

        return _mounted;
    }

    /// <summary>The kernel mounts these file systems for itself, so that no list of mounts shows them.</summary>
    private static HashSet<(uint Major, uint Minor)> ReadOfKernel()
    {
        HashSet<(uint Major, uint Minor)> devices = [];
        try
        {
            using SafeFileHandle file = Libc.CreateMemoryFile("memproc");
            Add(file);
        }
        catch (ErrnoException)
        {
            // A sandbox that forbids the call. Shared memory is then read like a file on a disk.
        }

        const string Pools = "/sys/kernel/mm/hugepages", Prefix = "hugepages-";
        foreach (string pool in Directory.Exists(Pools) ? Directory.GetDirectories(Pools) : [])
        {
            // hugepages-2048kB
            if (ulong.TryParse(Path.GetFileName(pool).AsSpan(Prefix.Length).TrimEnd("kB"), CultureInfo.InvariantCulture,
                out ulong kibibytes))
            {
                Libc.TryCreateHugeMemoryFile("memproc", BitOperations.Log2(kibibytes * 1024), out SafeFileHandle? file);
                using (file)
                {
                    Add(file);
                }
            }
        }

        return devices;

        void Add(SafeFileHandle? file)
        {
            if (file is not null && Libc.TryStatX(file, out FileStatus status) == Errno.None)
            {
                devices.Add((status.DeviceMajor, status.DeviceMinor));
            }
        }
    }
}

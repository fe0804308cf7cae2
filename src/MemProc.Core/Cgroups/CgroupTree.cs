using System.Globalization;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// The memory cgroups at one moment: their inodes, which <c>/proc/kpagecgroup</c> has for each frame, and their paths.
/// One walk over the hierarchy with the memory controller, of version 1 or 2.
/// </summary>
/// <remarks>
/// A path is one in the hierarchy, as <c>/proc/PID/cgroup</c> has it: <c>/</c> for the root,
/// <c>/system.slice/cron.service</c>. For frames of a removed cgroup the kernel soon reports the nearest remaining one
/// above it (<c>page_cgroup_ino</c> in <c>mm/memcontrol.c</c>).
/// </remarks>
public sealed class CgroupTree
{
    private readonly CgroupMount? _mount;
    private readonly Dictionary<ulong, string> _paths = [];

    private CgroupTree(CgroupMount? mount) => _mount = mount;

    /// <summary>
    /// The folder of the hierarchy's root; null where no hierarchy of memory cgroups is visible to this user.
    /// </summary>
    public string? MountPoint => _mount?.MountPoint;

    /// <summary>The paths of all cgroups, in no particular order.</summary>
    public IReadOnlyCollection<string> Paths => _paths.Values;

    /// <summary>Walks the hierarchy. Where none is mounted the tree is empty.</summary>
    /// <param name="files">Where procfs and sysfs are; the usual places when left out.</param>
    public static CgroupTree Load(KernelFiles? files = null)
    {
        CgroupTree tree = new(CgroupMount.Find(files ?? KernelFiles.Default));
        tree.Walk();
        return tree;
    }

    /// <summary>
    /// Returns the path of a cgroup; null where no visible folder has the inode (the cgroup was created or removed
    /// meanwhile, or is outside of what a container shows), and for 0, which means that no cgroup is charged.
    /// </summary>
    /// <param name="inode">Inode of the cgroup's folder.</param>
    public string? PathOf(ulong inode) => _paths.GetValueOrDefault(inode);

    /// <summary>Returns the inode of a cgroup, as it is now.</summary>
    /// <param name="pathOrInode">
    /// A path in the hierarchy, with or without the leading slash; a path in the file system; or the inode itself,
    /// decimal or <c>0x</c> hex, also after <c>@</c>, which need not be that of an existing cgroup. A name of digits only
    /// requires its slash.
    /// </param>
    /// <exception cref="MemProcException">
    /// FindCgroup: ENOENT where there is no such cgroup or no hierarchy; EACCES; EINVAL for an empty string.
    /// </exception>
    public ulong InodeOf(string pathOrInode)
    {
        if (string.IsNullOrWhiteSpace(pathOrInode))
        {
            throw new MemProcException(Operation.FindCgroup, Errno.EINVAL,
                "A cgroup is a path such as /system.slice, or an inode number; an empty string is neither.", pathOrInode);
        }

        if (TryNumber(pathOrInode.StartsWith('@') ? pathOrInode[1..] : pathOrInode, out ulong inode))
        {
            return inode;
        }

        if (_mount is null)
        {
            throw new MemProcException(Operation.FindCgroup, Errno.ENOENT,
                $"Cannot look up the cgroup '{SafeText.Escape(pathOrInode)}': no hierarchy with the memory controller "
                + "is mounted. Give its inode number.", pathOrInode);
        }

        Errno failure = Errno.ENOENT;
        foreach (string folder in CandidateFolders(_mount, pathOrInode))
        {
            Errno errno = Libc.TryStatX(null, folder, out FileStatus status);
            if (errno == Errno.None && status.IsDirectory && _mount.Contains(status))
            {
                return status.Inode;
            }

            failure = errno is Errno.None or Errno.ENOENT or Errno.ENOTDIR ? failure : errno;
        }

        throw new MemProcException(Operation.FindCgroup, failure, failure == Errno.ENOENT
            ? $"There is no memory cgroup '{SafeText.Escape(pathOrInode)}'. Give its name as in /proc/PID/cgroup, "
                + $"its folder below {_mount.MountPoint}, or its inode."
            : $"Cannot look up the cgroup '{SafeText.Escape(pathOrInode)}': {ErrnoException.Describe(failure)} "
                + $"({failure}).", pathOrInode);
    }

    /// <summary>Parses decimal digits, or hex after <c>0x</c>; hex letters without it are a name here.</summary>
    internal static bool TryNumber(string text, out ulong number) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    /// <summary>Returns the folders that a path can mean, the most likely first.</summary>
    private static IEnumerable<string> CandidateFolders(CgroupMount mount, string path)
    {
        string root = mount.Root.TrimEnd('/');
        if (IsBelow(path, mount.MountPoint))
        {
            yield return path;
        }

        // The name in /proc/PID/cgroup where only a part of the hierarchy is mounted.
        if (root.Length > 0 && IsBelow(path, root))
        {
            yield return $"{mount.MountPoint}/{path[root.Length..]}";
        }

        yield return $"{mount.MountPoint}/{path}";
        if (path.StartsWith('/'))
        {
            // The same hierarchy can be mounted elsewhere too.
            yield return path;
        }
    }

    private static bool IsBelow(string path, string folder) =>
        path == folder || path.StartsWith($"{folder}/", StringComparison.Ordinal);

    private void Walk()
    {
        if (_mount is null)
        {
            return;
        }

        Stack<string> open = new([string.Empty]);
        while (open.TryPop(out string? below))
        {
            string folder = below.Length == 0 ? _mount.MountPoint : $"{_mount.MountPoint}/{below}";
            if (Libc.TryStatX(null, folder, out FileStatus status) != Errno.None || !_mount.Contains(status))
            {
                continue;
            }

            _paths.TryAdd(status.Inode, _mount.NameOf(below));
            foreach (string child in Children(folder))
            {
                open.Push(below.Length == 0 ? child : $"{below}/{child}");
            }
        }
    }

    /// <summary>Returns the names of a cgroup's children; none where it was removed, or this user may not list it.</summary>
    private static List<string> Children(string folder)
    {
        if (Libc.TryOpenAt(null, folder, OpenAccess.ReadOnly, out SafeFileHandle? handle, followLinks: false) != Errno.None)
        {
            return [];
        }

        using (handle)
        {
            try
            {
                return [.. Libc.ReadDirectory(handle!).Where(name =>
                    Libc.TryStatX(handle, name, out FileStatus status, followLinks: false) == Errno.None && status.IsDirectory)];
            }
            catch (ErrnoException)
            {
                return [];
            }
        }
    }
}

using System.Globalization;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// The memory cgroups as they were at one moment: their inodes, by which <c>/proc/kpagecgroup</c> names who pays for
/// a frame, and their paths, by which people know them. One walk over the hierarchy that has the memory controller,
/// of version 1 or 2.
/// </summary>
/// <remarks>
/// A path is one in the hierarchy, as <c>/proc/PID/cgroup</c> has it: <c>/</c> for the root,
/// <c>/system.slice/cron.service</c>. For frames of a cgroup that was removed the kernel itself names, a moment later,
/// the nearest one above that is left (<c>page_cgroup_ino</c> in <c>mm/memcontrol.c</c>).
/// </remarks>
public sealed class CgroupTree
{
    private readonly CgroupMount? _mount;
    private readonly Dictionary<ulong, string> _paths = [];

    private CgroupTree(CgroupMount? mount) => _mount = mount;

    /// <summary>
    /// The folder in which the hierarchy's root is seen; null where this user sees no hierarchy of memory cgroups.
    /// </summary>
    public string? MountPoint => _mount?.MountPoint;

    /// <summary>The paths of all cgroups, in no order.</summary>
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
    /// The path of a cgroup. Null where no folder in sight has the inode: the cgroup came or went meanwhile, or lies
    /// outside of what a container shows; and for 0, which means that no cgroup pays.
    /// </summary>
    /// <param name="inode">Inode of the cgroup's folder.</param>
    public string? PathOf(ulong inode) => _paths.GetValueOrDefault(inode);

    /// <summary>The inode of a cgroup, as it is now.</summary>
    /// <param name="pathOrInode">
    /// A path in the hierarchy, with or without the slash in front; a path in the file system; or the inode itself,
    /// decimal or <c>0x</c> hex, which need not belong to a cgroup that is left. A name of digits alone needs its
    /// slash.
    /// </param>
    /// <exception cref="MemProcException">
    /// FindCgroup: ENOENT where there is no such cgroup or no hierarchy; EACCES; EINVAL for an empty text.
    /// </exception>
    public ulong InodeOf(string pathOrInode)
    {
        if (string.IsNullOrWhiteSpace(pathOrInode))
        {
            throw new MemProcException(Operation.FindCgroup, Errno.EINVAL,
                "A cgroup is a path such as /system.slice, or an inode number; an empty text is neither.", pathOrInode);
        }

        if (TryNumber(pathOrInode, out ulong inode))
        {
            return inode;
        }

        if (_mount is null)
        {
            throw new MemProcException(Operation.FindCgroup, Errno.ENOENT,
                $"The cgroup '{SafeText.Escape(pathOrInode)}' cannot be looked up: no hierarchy with the memory "
                + "controller is mounted here. Give its inode number.", pathOrInode);
        }

        Errno failure = Errno.ENOENT;
        foreach (string folder in Places(_mount, pathOrInode))
        {
            Errno errno = Libc.TryStatX(null, folder, out FileStatus status);
            if (errno == Errno.None && status.IsDirectory && _mount.Holds(status))
            {
                return status.Inode;
            }

            failure = errno is Errno.None or Errno.ENOENT or Errno.ENOTDIR ? failure : errno;
        }

        throw new MemProcException(Operation.FindCgroup, failure, failure == Errno.ENOENT
            ? $"There is no memory cgroup '{SafeText.Escape(pathOrInode)}'. A cgroup is named as in /proc/PID/cgroup, "
                + $"by its folder below {_mount.MountPoint}, or by its inode."
            : $"The cgroup '{SafeText.Escape(pathOrInode)}' cannot be looked up: {ErrnoException.Describe(failure)} "
                + $"({failure}).", pathOrInode);
    }

    /// <summary>Digits alone, or hex behind <c>0x</c>: a word of letters a to f is a name here.</summary>
    private static bool TryNumber(string text, out ulong number) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    /// <summary>The folders that a path can mean, the likeliest first.</summary>
    private static IEnumerable<string> Places(CgroupMount mount, string path)
    {
        string root = mount.Root.TrimEnd('/');
        if (IsBelow(path, mount.MountPoint))
        {
            yield return path;
        }

        // As /proc/PID/cgroup names it, where only a part of the hierarchy is mounted.
        if (root.Length > 0 && IsBelow(path, root))
        {
            yield return $"{mount.MountPoint}/{path[root.Length..]}";
        }

        yield return $"{mount.MountPoint}/{path}";
        if (path.StartsWith('/'))
        {
            // The same hierarchy can be mounted elsewhere, too.
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
            if (Libc.TryStatX(null, folder, out FileStatus status) != Errno.None || !_mount.Holds(status))
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

    /// <summary>Names of a cgroup's children; none where it was removed meanwhile or is closed to this user.</summary>
    private static List<string> Children(string folder)
    {
        try
        {
            return [.. Directory.EnumerateDirectories(folder).Select(child => Path.GetFileName(child))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}

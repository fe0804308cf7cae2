using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Opens files that a process names, as the process would find them, without leaving its root: symbolic links stay below
/// it, and links of procfs to open files are refused. What is found is looked at before it is opened
/// (<see cref="CheckedFile"/>). Paths are text by <see cref="PathText"/>. A file system that does not answer, such as
/// a FUSE mount of the process, ends in ETIMEDOUT, and cancellation ends the wait at once.
/// </summary>
internal sealed class TargetFiles
{
    /// <summary>How long no more files are opened after a file system has not answered.</summary>
    private const int RetryMilliseconds = 60_000;

    private readonly Func<SafeFileHandle?> _openRoot;
    private readonly LinuxProcess? _process;
    private long _retryAt;

    /// <summary>Opens files in the root of a process.</summary>
    /// <param name="process">The process. It has to stay open as long as this is used.</param>
    public TargetFiles(LinuxProcess process)
    {
        _process = process;
        _openRoot = () => OpenRoot(process);
    }

    private TargetFiles() => _openRoot = () =>
        Libc.TryOpenAt(null, "/", OpenAccess.PathOnly, out SafeFileHandle? root) == Errno.None ? root : null;

    /// <summary>Opens files in the root of this process, for names that another process has chosen.</summary>
    public static TargetFiles OfHost { get; } = new();

    /// <summary>Opens a file for reading.</summary>
    /// <param name="path">An absolute path.</param>
    /// <param name="cancellation">Stops the wait for a file system that does not answer.</param>
    /// <param name="file">The file; null where it is refused.</param>
    /// <returns>Null where the file is open; else why not.</returns>
    public FileRefusal? TryOpen(string path, CancellationToken cancellation, out CheckedFile? file) =>
        TryOpenStored(() => Find(path), cancellation, out file);

    /// <summary>
    /// Returns the path by which the process finds a file, for its path in the list of mappings. The kernel writes that as
    /// this process sees it: below the root of a process that has changed it by chroot(2).
    /// </summary>
    /// <param name="path">The path in the list of mappings.</param>
    /// <returns>Null where it is outside of the root of the process, or not a path.</returns>
    public string? FromMaps(string path)
    {
        if (!path.StartsWith('/') || _process is null
            || Libc.TryOpenAt(_process.Folder, "root", OpenAccess.PathOnly, out SafeFileHandle? link, followLinks: false)
                != Errno.None)
        {
            return path.StartsWith('/') ? path : null;
        }

        using (link)
        {
            return Libc.TryReadLink(link!, out string root) != Errno.None || root == "/" ? path
                : path.StartsWith($"{root}/", StringComparison.Ordinal) ? path[root.Length..]
                : null;
        }
    }

    /// <summary>Reads the status of a file; a symbolic link is followed.</summary>
    /// <param name="path">An absolute path.</param>
    /// <param name="cancellation">Stops the wait for a file system that does not answer.</param>
    /// <param name="status">The status.</param>
    public Errno TryStat(string path, CancellationToken cancellation, out FileStatus status) =>
        TryStat(() => Find(path), cancellation, out status);

    /// <summary>
    /// Opens the file that a mapping shows, whatever has its path. Requires CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE.
    /// </summary>
    /// <param name="start">First address of the mapping.</param>
    /// <param name="end">First address after it.</param>
    /// <param name="cancellation">Stops the wait for a file system that does not answer.</param>
    /// <param name="file">The file; null where it is refused.</param>
    /// <returns>Null where the file is open; else why not: ENOENT where there is no such mapping.</returns>
    public FileRefusal? TryOpenMapping(
        ulong start, ulong end, CancellationToken cancellation, out CheckedFile? file) =>
        TryOpenStored(() => FindMapping(start, end), cancellation, out file);

    /// <summary>Reads the status of the file that a mapping shows.</summary>
    /// <param name="start">First address of the mapping.</param>
    /// <param name="end">First address after it.</param>
    /// <param name="cancellation">Stops the wait for a file system that does not answer.</param>
    /// <param name="status">The status.</param>
    public Errno TryStatMapping(ulong start, ulong end, CancellationToken cancellation, out FileStatus status) =>
        TryStat(() => FindMapping(start, end), cancellation, out status);

    /// <summary>
    /// Returns the device of the mount through which a file was found, as the list of mappings has it; null where it is
    /// unknown. Some file systems, such as btrfs, report another one in statx.
    /// </summary>
    /// <param name="file">A file that <see cref="TryOpen"/> has opened.</param>
    public (uint Major, uint Minor)? MountDeviceOf(CheckedFile file)
    {
        if (_process is null || file.MountId is not uint mount
            || Libc.TryOpenAt(_process.Folder, "mountinfo", OpenAccess.ReadOnly, out SafeFileHandle? list) != Errno.None)
        {
            return null;
        }

        using FileStream stream = new(list!, FileAccess.Read);
        using StreamReader lines = new(stream);
        while (lines.ReadLine() is string text)
        {
            if (MountInfoLine.TryParse(System.Text.Encoding.UTF8.GetBytes(text), out MountInfoLine line)
                && line.MountId == mount)
            {
                return (line.DeviceMajor, line.DeviceMinor);
            }
        }

        return null;
    }

    private FileRefusal? TryOpenStored(
        Func<(Errno, SafeFileHandle?)> find, CancellationToken cancellation, out CheckedFile? file)
    {
        Found? found = TryRun(() =>
        {
            (Errno errno, SafeFileHandle? place) = find();
            using (place)
            {
                CheckedFile? opened = null;
                FileRefusal? refusal = place is null
                    ? new FileRefusal(errno, "cannot be opened")
                    : CheckedFile.TryOpenStored(place, out opened);
                return new Found(opened, refusal);
            }
        }, cancellation);
        file = found?.File;
        if (file is not null)
        {
            file.Stuck = PauseOpening;
        }

        return found is null ? new FileRefusal(Errno.ETIMEDOUT, "its file system does not answer") : found.Refusal;
    }

    private Errno TryStat(Func<(Errno, SafeFileHandle?)> find, CancellationToken cancellation, out FileStatus status)
    {
        Tuple<Errno, FileStatus>? found = TryRun(() =>
        {
            (Errno errno, SafeFileHandle? place) = find();
            using (place)
            {
                FileStatus result = default;
                errno = place is null ? errno : Libc.TryStatX(place, out result);
                return Tuple.Create(errno, result);
            }
        }, cancellation);
        status = found?.Item2 ?? default;
        return found?.Item1 ?? Errno.ETIMEDOUT;
    }

    /// <summary>Runs a search; null where a file system does not answer.</summary>
    private T? TryRun<T>(Func<T> search, CancellationToken cancellation)
        where T : class
    {
        if (Volatile.Read(ref _retryAt) > Environment.TickCount64)
        {
            return null;
        }

        if (BlockingWork.TryRun(search, CheckedFile.Timeout, cancellation, out T? result))
        {
            return result;
        }

        PauseOpening();
        return null;
    }

    /// <summary>Opens no more files for a while: each would wait as long.</summary>
    private void PauseOpening() => Volatile.Write(ref _retryAt, Environment.TickCount64 + RetryMilliseconds);

    private (Errno Errno, SafeFileHandle? Place) Find(string path)
    {
        using SafeFileHandle? root = _openRoot();
        if (root is null)
        {
            return (Errno.ENOENT, null);
        }

        Errno errno = PathInRoot.TryFind(root, path, out SafeFileHandle? place);
        return (errno, place);
    }

    private (Errno Errno, SafeFileHandle? Place) FindMapping(ulong start, ulong end)
    {
        if (_process is null)
        {
            return (Errno.ENOENT, null);
        }

        Errno errno = Libc.TryOpenAt(
            _process.Folder, $"map_files/{start:x}-{end:x}", OpenAccess.PathOnly, out SafeFileHandle? place);
        return (errno, place);
    }

    /// <summary>Opens the root; where the main thread has exited, that of another thread.</summary>
    private static SafeFileHandle? OpenRoot(LinuxProcess process)
    {
        if (Libc.TryOpenAt(process.Folder, "root", OpenAccess.PathOnly, out SafeFileHandle? root) == Errno.None)
        {
            return root;
        }

        foreach (int thread in process.ThreadIds())
        {
            if (Libc.TryOpenAt(process.Folder, $"task/{thread}/root", OpenAccess.PathOnly, out root) == Errno.None)
            {
                return root;
            }
        }

        return null;
    }

    private sealed record Found(CheckedFile? File, FileRefusal? Refusal) : IDisposable
    {
        public void Dispose() => File?.Dispose();
    }
}

/// <summary>Finds a path below a directory as a process would whose root is that directory.</summary>
internal static class PathInRoot
{
    /// <summary>Symbolic links on the way, as many as the kernel follows.</summary>
    private const int MaxLinks = 40;

    /// <summary>Directories on the way, each of which is open meanwhile.</summary>
    private const int MaxDepth = 256;

    private const uint ProcMagic = 0x9fa0;

    private static bool _lacksOpenAt2;

    /// <summary>Opens what has a path, with O_PATH; a symbolic link at its end is followed.</summary>
    /// <param name="root">The directory.</param>
    /// <param name="path">The path; from the root, with or without a slash at its start.</param>
    /// <param name="place">What has the path; null where the search failed.</param>
    /// <returns>ELOOP: too many symbolic links, or one of procfs to an open file.</returns>
    public static Errno TryFind(SafeFileHandle root, string path, out SafeFileHandle? place)
    {
        if (!_lacksOpenAt2)
        {
            Errno errno = Libc.TryOpenInRoot(root, path, OpenAccess.PathOnly, out place);
            // O_PATH itself requires no permission that EPERM would stand for: a sandbox forbids the call.
            if (errno is not (Errno.ENOSYS or Errno.EPERM))
            {
                return errno;
            }

            _lacksOpenAt2 = true;
        }

        return TryWalk(root, path, out place);
    }

    /// <summary>
    /// The same without openat2: opens one component after the other and follows symbolic links by their text.
    /// </summary>
    /// <inheritdoc cref="TryFind"/>
    internal static Errno TryWalk(SafeFileHandle root, string path, out SafeFileHandle? place)
    {
        place = null;
        Errno errno = Libc.TryOpenAt(root, ".", OpenAccess.PathOnly, out SafeFileHandle? top);
        if (top is null)
        {
            return errno;
        }

        // The directories from the root to the present place; ".." goes back, and never above the root.
        Stack<SafeFileHandle> way = new([top]);
        Stack<string> rest = new();
        Push(rest, path);
        int links = 0;
        try
        {
            while (rest.TryPop(out string? name))
            {
                if (name is "" or ".")
                {
                    continue;
                }

                if (name == "..")
                {
                    if (way.Count > 1)
                    {
                        way.Pop().Dispose();
                    }

                    continue;
                }

                errno = TryStep(way.Peek(), name, out SafeFileHandle? next, out string? link);
                if (errno != Errno.None)
                {
                    return errno;
                }

                if (next is not null)
                {
                    way.Push(next);
                    if (way.Count > MaxDepth)
                    {
                        return Errno.ENAMETOOLONG;
                    }

                    continue;
                }

                if (++links > MaxLinks)
                {
                    return Errno.ELOOP;
                }

                while (link!.StartsWith('/') && way.Count > 1)
                {
                    way.Pop().Dispose();
                }

                Push(rest, link);
            }

            place = way.Pop();
            return Errno.None;
        }
        finally
        {
            foreach (SafeFileHandle directory in way)
            {
                directory.Dispose();
            }
        }
    }

    /// <summary>Opens an entry of a directory, or reads the symbolic link that it is.</summary>
    private static Errno TryStep(SafeFileHandle directory, string name, out SafeFileHandle? next, out string? link)
    {
        (next, link) = (null, null);
        Errno errno = Libc.TryOpenAt(directory, name, OpenAccess.PathOnly, out SafeFileHandle? entry, followLinks: false);
        if (entry is null)
        {
            return errno;
        }

        errno = Libc.TryStatX(entry, out FileStatus status);
        if (errno == Errno.None && !status.IsSymbolicLink)
        {
            next = entry;
            return Errno.None;
        }

        using (entry)
        {
            uint type = 0;
            errno = errno != Errno.None ? errno : Libc.TryFStatFs(entry, out type);
            return errno != Errno.None ? errno
                : type == ProcMagic ? Errno.ELOOP
                : Libc.TryReadLink(entry, out link);
        }
    }

    private static void Push(Stack<string> rest, string path)
    {
        foreach (string name in path.Split('/').Reverse())
        {
            rest.Push(name);
        }
    }
}

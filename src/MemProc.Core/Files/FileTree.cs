using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>Finds the regular files that a path names.</summary>
public static class FileTree
{
    /// <summary>
    /// Returns the regular file that a path names, or those below a folder, as they are found. A symbolic link is
    /// followed where it is the path itself, and skipped inside folders, so that there are no cycles. Of several hard links to
    /// one file in the folders, the first is returned.
    /// </summary>
    /// <param name="path">The path.</param>
    /// <param name="recurse">Whether to search folders.</param>
    /// <param name="skip">Receives a message for each path that is not a regular file, or was removed meanwhile.</param>
    /// <param name="fail">
    /// Receives an error for each path that cannot be used: ENOENT, EACCES, EISDIR for a folder without
    /// <paramref name="recurse"/>.
    /// </param>
    /// <param name="cancellation">Stops the search.</param>
    public static IEnumerable<string> EnumerateFiles(
        string path, bool recurse, Action<string> skip, Action<MemProcException> fail,
        CancellationToken cancellation = default)
    {
        Errno errno = Libc.TryStatX(null, path, out FileStatus status);
        if (errno != Errno.None)
        {
            fail(Failure(path, errno));
        }
        else if (status.IsRegular)
        {
            yield return path;
        }
        else if (!status.IsDirectory)
        {
            skip(NotRegular(path));
        }
        else if (!recurse)
        {
            fail(new MemProcException(Operation.FindFile, Errno.EISDIR,
                $"{SafeText.Escape(path)} is a folder. To include the files in it, search recursively.", path));
        }
        else
        {
            foreach (string file in EnumerateBelow(path, skip, fail, cancellation))
            {
                yield return file;
            }
        }
    }

    /// <summary>
    /// Lists folders relative to their open handles, and only those that were found: one that was meanwhile replaced by a
    /// symbolic link does not lead out of the tree.
    /// </summary>
    private static IEnumerable<string> EnumerateBelow(
        string top, Action<string> skip, Action<MemProcException> fail, CancellationToken cancellation)
    {
        HashSet<(uint, uint, ulong)> linked = [];
        Stack<(string Path, FileStatus? Found)> open = new([(top, null)]);
        while (open.TryPop(out (string Path, FileStatus? Found) folder))
        {
            using SafeFileHandle? handle = TryOpen(folder.Path, folder.Found, error => Report(error, skip, fail));
            foreach (string name in handle is null ? [] : Names(handle, folder.Path, error => Report(error, skip, fail)))
            {
                cancellation.ThrowIfCancellationRequested();
                string entry = Path.Join(folder.Path, name);
                Errno errno = Libc.TryStatX(handle, name, out FileStatus status, followLinks: false);
                if (errno == Errno.None && status.IsRegular)
                {
                    // A file with several names has its pages once.
                    if (status.LinkCount == 1 || linked.Add((status.DeviceMajor, status.DeviceMinor, status.Inode)))
                    {
                        yield return entry;
                    }
                    else
                    {
                        skip($"{SafeText.Escape(entry)} is another name of a file that was already included.");
                    }
                }
                else if (errno == Errno.None && status.IsDirectory)
                {
                    open.Push((entry, status));
                }
                else if (errno == Errno.None)
                {
                    skip(NotRegular(entry));
                }
                else
                {
                    Report(Failure(entry, errno), skip, fail);
                }
            }
        }
    }

    /// <summary>Reports an error; a path that was removed after its folder was listed is only skipped.</summary>
    private static void Report(MemProcException error, Action<string> skip, Action<MemProcException> fail)
    {
        if (error.Errno == Errno.ENOENT)
        {
            skip($"{SafeText.Escape($"{error.Target}")} was removed meanwhile.");
        }
        else
        {
            fail(error);
        }
    }

    /// <summary>Opens a folder to list it; null where that fails, or where another file has its path by now.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="found">Its status when it was found; null: a symbolic link is followed.</param>
    /// <param name="fail">Receives the error.</param>
    private static SafeFileHandle? TryOpen(string path, FileStatus? found, Action<MemProcException> fail)
    {
        Errno errno = Libc.TryOpenAt(null, path, OpenAccess.PathOnly, out SafeFileHandle? place, followLinks: found is null);
        using (place)
        {
            if (place is not null && found is FileStatus known)
            {
                errno = Libc.TryStatX(place, out FileStatus status);
                errno = errno == Errno.None && !status.IsSameFileAs(known) ? Errno.ENOENT : errno;
            }

            SafeFileHandle? folder = null;
            if (errno == Errno.None)
            {
                errno = Libc.TryOpenAt(place, ".", OpenAccess.ReadOnly, out folder);
            }

            if (folder is null)
            {
                fail(Failure(path, errno));
            }

            return folder;
        }
    }

    /// <summary>Returns the names in a folder, in the order of the file system.</summary>
    private static IEnumerable<string> Names(SafeFileHandle folder, string path, Action<MemProcException> fail)
    {
        using IEnumerator<string> names = Libc.ReadDirectory(folder).GetEnumerator();
        while (TryMove(names, path, fail))
        {
            yield return names.Current;
        }
    }

    private static bool TryMove(IEnumerator<string> names, string path, Action<MemProcException> fail)
    {
        try
        {
            return names.MoveNext();
        }
        catch (ErrnoException error)
        {
            fail(Failure(path, error.Errno));
            return false;
        }
    }

    private static string NotRegular(string path) =>
        $"{SafeText.Escape(path)} is not a regular file and has no pages of its own.";

    private static MemProcException Failure(string path, Errno errno) => new(Operation.FindFile, errno,
        $"{SafeText.Escape(path)}: {ErrnoException.Describe(errno)} ({errno})."
        + (errno is Errno.EACCES or Errno.EPERM ? " Requires search permission on every folder of the path." : ""),
        path);
}

using MemProc.Interop;

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

    private static IEnumerable<string> EnumerateBelow(
        string top, Action<string> skip, Action<MemProcException> fail, CancellationToken cancellation)
    {
        HashSet<(uint, uint, ulong)> linked = [];
        Stack<string> open = new([top]);
        while (open.TryPop(out string? folder))
        {
            foreach (string entry in Entries(folder, error => Report(error, skip, fail)))
            {
                cancellation.ThrowIfCancellationRequested();
                Errno errno = Libc.TryStatX(null, entry, out FileStatus status, followLinks: false);
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
                    open.Push(entry);
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

    /// <summary>Returns the entries of a folder, in the order of the file system.</summary>
    private static IEnumerable<string> Entries(string folder, Action<MemProcException> fail)
    {
        using IEnumerator<string>? entries = TryRun(folder, fail,
            () => Directory.EnumerateFileSystemEntries(folder).GetEnumerator());
        while (entries is not null && TryRun(folder, fail, () => entries.MoveNext() ? entries.Current : null)
            is string entry)
        {
            yield return entry;
        }
    }

    private static T? TryRun<T>(string folder, Action<MemProcException> fail, Func<T?> work)
        where T : class
    {
        try
        {
            return work();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The runtime has an exception type for each kind of error number.
            fail(Failure(folder, error switch
            {
                UnauthorizedAccessException => Errno.EACCES,
                DirectoryNotFoundException => Errno.ENOENT,
                _ => Errno.EIO,
            }));
            return null;
        }
    }

    private static string NotRegular(string path) =>
        $"{SafeText.Escape(path)} is not a regular file and has no pages of its own.";

    private static MemProcException Failure(string path, Errno errno) => new(Operation.FindFile, errno,
        $"{SafeText.Escape(path)}: {ErrnoException.Describe(errno)} ({errno})."
        + (errno is Errno.EACCES or Errno.EPERM ? " Requires search permission on every folder of the path." : ""),
        path);
}

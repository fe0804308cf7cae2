using MemProc.Interop;

namespace MemProc;

/// <summary>Which regular files a path stands for.</summary>
public static class FileTree
{
    /// <summary>
    /// The regular file that a path names, or those below a folder, each as soon as it is found. A symbolic link is
    /// followed where it is the path itself, and left alone inside of folders, so that nothing is visited in a circle.
    /// </summary>
    /// <param name="path">The path.</param>
    /// <param name="recurse">Look into folders.</param>
    /// <param name="skip">Told, in words, of what is no regular file, or has gone since it was listed.</param>
    /// <param name="fail">
    /// Told of what cannot be had: ENOENT, EACCES, EISDIR for a folder where folders are not to be looked into.
    /// </param>
    /// <param name="cancellation">Stops the search.</param>
    public static IEnumerable<string> Files(
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
                $"{SafeText.Escape(path)} is a folder. To look at the files in it, ask for recursion.", path));
        }
        else
        {
            foreach (string file in Below(path, skip, fail, cancellation))
            {
                yield return file;
            }
        }
    }

    private static IEnumerable<string> Below(
        string top, Action<string> skip, Action<MemProcException> fail, CancellationToken cancellation)
    {
        Stack<string> open = new([top]);
        while (open.TryPop(out string? folder))
        {
            foreach (string entry in Entries(folder, error => Tell(error, skip, fail)))
            {
                cancellation.ThrowIfCancellationRequested();
                Errno errno = Libc.TryStatX(null, entry, out FileStatus status, followLinks: false);
                if (errno == Errno.None && status.IsRegular)
                {
                    yield return entry;
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
                    Tell(Failure(entry, errno), skip, fail);
                }
            }
        }
    }

    /// <summary>What was there when its folder was listed, and is there no more, is no failure.</summary>
    private static void Tell(MemProcException error, Action<string> skip, Action<MemProcException> fail)
    {
        if (error.Errno == Errno.ENOENT)
        {
            skip($"{SafeText.Escape($"{error.Target}")} has gone meanwhile.");
        }
        else
        {
            fail(error);
        }
    }

    /// <summary>What is in a folder, in the order in which the file system has it.</summary>
    private static IEnumerable<string> Entries(string folder, Action<MemProcException> fail)
    {
        using IEnumerator<string>? entries = Attempt(folder, fail,
            () => Directory.EnumerateFileSystemEntries(folder).GetEnumerator());
        while (entries is not null && Attempt(folder, fail, () => entries.MoveNext() ? entries.Current : null)
            is string entry)
        {
            yield return entry;
        }
    }

    private static T? Attempt<T>(string folder, Action<MemProcException> fail, Func<T?> work)
        where T : class
    {
        try
        {
            return work();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The runtime turns error numbers into kinds of exceptions.
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
        $"{SafeText.Escape(path)} is no regular file and has no pages of its own.";

    private static MemProcException Failure(string path, Errno errno) => new(Operation.FindFile, errno,
        $"{SafeText.Escape(path)}: {ErrnoException.Describe(errno)} ({errno})."
        + (errno is Errno.EACCES or Errno.EPERM ? " It takes the right to search every folder on the way." : ""),
        path);
}

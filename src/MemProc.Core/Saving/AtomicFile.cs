using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// An output file that gets its name when it is complete. Memory holds secrets: only its owner may read it.
/// </summary>
/// <remarks>
/// Until then it has no name (O_TMPFILE), so that nothing remains even if this program is killed. Where the file
/// system has no such files, it has a random name in the same directory, where it is created exclusively; it is removed
/// on disposal, and when a signal ends this program. Its mode is 0600, and it is written to its device before it gets its
/// name. A file that is replaced passes none of its permissions on. Everything happens relative to the directory as it
/// was opened first.
/// </remarks>
internal sealed class AtomicFile : IDisposable
{
    private readonly string _path;
    private readonly string _name;
    private readonly string _partialName = PartialName();
    private readonly bool _overwrite;
    private readonly SafeFileHandle _folder;
    private readonly SignalCleanup? _cleanup;

    /// <summary>It has a name that is not its own yet.</summary>
    private bool _isPartial;

    /// <summary>Creates a file.</summary>
    /// <param name="path">The name that it gets.</param>
    /// <param name="overwrite">Replace a regular file of this name.</param>
    /// <exception cref="MemProcException">
    /// WriteFile: EEXIST where the file exists; EISDIR, ELOOP, EINVAL where something exists that is no regular file;
    /// ENOENT, EACCES, ENOSPC… where the file cannot be created.
    /// </exception>
    public AtomicFile(string path, bool overwrite)
    {
        _path = path;
        _overwrite = overwrite;
        _name = Path.GetFileName(path);
        _folder = OpenFolderOf(path);
        try
        {
            ThrowUnlessReplaceable();
            if (Libc.TryCreateUnnamed(_folder, out SafeFileHandle? unnamed) == Errno.None)
            {
                Handle = unnamed!;
                return;
            }

            Handle = Create(_folder, _partialName, path);
            _isPartial = true;
            _cleanup = new SignalCleanup(RemovePartial);
        }
        catch
        {
            _folder.Dispose();
            throw;
        }
    }

    /// <summary>The open file.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>A random name for something that is not complete yet.</summary>
    public static string PartialName() => $".{Path.GetRandomFileName()}.partial";

    /// <summary>Opens the directory that something is to be created in.</summary>
    /// <param name="path">The path of what is to be created.</param>
    /// <exception cref="MemProcException">WriteFile: there is no such directory.</exception>
    public static SafeFileHandle OpenFolderOf(string path)
    {
        string? folder = Path.GetDirectoryName(path);
        Errno errno = Libc.TryOpenAt(
            null, string.IsNullOrEmpty(folder) ? "." : folder, OpenAccess.PathOnly, out SafeFileHandle? handle);
        return handle ?? throw Failure(path, errno);
    }

    /// <summary>Creates a file exclusively that only its owner may read.</summary>
    /// <param name="folder">The directory.</param>
    /// <param name="name">Its name in the directory.</param>
    /// <param name="path">The path that an error names.</param>
    /// <exception cref="MemProcException">WriteFile: the file cannot be created.</exception>
    public static SafeFileHandle Create(SafeFileHandle folder, string name, string path)
    {
        Errno errno = Libc.TryCreateAt(folder, name, out SafeFileHandle? handle);
        return handle ?? throw Failure(path, errno);
    }

    /// <summary>Writes a file to its device.</summary>
    /// <param name="file">The file.</param>
    /// <param name="path">The path that an error names.</param>
    /// <exception cref="MemProcException">WriteFile: data could not be written.</exception>
    public static void Flush(SafeFileHandle file, string path)
    {
        Errno errno = Libc.TryFSync(file);
        // File systems without a device do not always support fsync(2).
        if (errno is not (Errno.None or Errno.EINVAL or Errno.ENOSYS or Errno.EOPNOTSUPP))
        {
            throw Failure(path, errno);
        }
    }

    /// <summary>Renames something that is complete to a name that must not exist yet.</summary>
    /// <param name="folder">The directory.</param>
    /// <param name="partialName">The present name.</param>
    /// <param name="path">The path that it gets.</param>
    /// <exception cref="MemProcException">WriteFile: EEXIST where the name was taken meanwhile.</exception>
    public static void Rename(SafeFileHandle folder, string partialName, string path)
    {
        Errno errno = Libc.TryRenameAt(folder, partialName, Path.GetFileName(path), replace: false);
        if (errno is Errno.EINVAL or Errno.ENOSYS)
        {
            // The file system cannot refuse to replace in the same step: NFS, and some in user space.
            errno = Libc.TryStatX(folder, Path.GetFileName(path), out _, followLinks: false) switch
            {
                Errno.None => Errno.EEXIST,
                Errno.ENOENT => Libc.TryRenameAt(folder, partialName, Path.GetFileName(path), replace: true),
                Errno other => other,
            };
        }

        if (errno != Errno.None)
        {
            throw Failure(path, errno);
        }
    }

    /// <summary>Writes the file to its device and gives it its name.</summary>
    /// <exception cref="MemProcException">
    /// WriteFile: data could not be written; EEXIST where another file got the name meanwhile.
    /// </exception>
    public void Complete()
    {
        Flush(Handle, _path);
        if (_overwrite)
        {
            ThrowUnlessReplaceable();
            if (!_isPartial)
            {
                Link(_partialName);
                _isPartial = true;
            }

            Errno errno = Libc.TryRenameAt(_folder, _partialName, _name, replace: true);
            if (errno != Errno.None)
            {
                throw Failure(_path, errno);
            }
        }
        else if (_isPartial)
        {
            Rename(_folder, _partialName, _path);
        }
        else
        {
            Link(_name);
        }

        _isPartial = false;
        Handle.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _cleanup?.Dispose();
        Handle.Dispose();
        RemovePartial();
        _folder.Dispose();
    }

    /// <summary>Runs work on an output file; its errors become those of the operation WriteFile.</summary>
    /// <param name="path">The path that an error names.</param>
    /// <param name="work">The work.</param>
    /// <exception cref="MemProcException">WriteFile, with the kernel's error number where there is one.</exception>
    public static T WithErrors<T>(string path, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failure(path, ErrnoOf(error));
        }
    }

    /// <summary>The error for an output file that cannot be written.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="errno">The kernel's reason.</param>
    public static MemProcException Failure(string path, Errno errno)
    {
        string shown = SafeText.Escape(path);
        string? folder = Path.GetDirectoryName(Path.GetFullPath(path));
        string remedy = errno == Errno.ENOSPC ? " The incomplete output was removed."
            : errno == Errno.ENOENT && folder is not null && !Directory.Exists(folder)
            ? $" There is no folder '{SafeText.Escape(folder)}': create it first."
            : string.Empty;
        return new MemProcException(Operation.WriteFile, errno, errno == Errno.EEXIST
            ? $"'{shown}' already exists and was not changed."
            : $"'{shown}' cannot be written: {ErrnoException.Describe(errno)} ({errno}).{remedy}", path);
    }

    private void Link(string name)
    {
        Errno errno = Libc.TryLinkAt(Handle, _folder, name);
        if (errno != Errno.None)
        {
            throw Failure(_path, errno);
        }
    }

    private void RemovePartial()
    {
        if (_isPartial && !_folder.IsClosed)
        {
            Libc.TryUnlinkAt(_folder, _partialName);
        }
    }

    private void ThrowUnlessReplaceable()
    {
        if (_name.Length == 0)
        {
            throw NotRegular(Errno.EISDIR, "a directory");
        }

        Errno errno = Libc.TryStatX(_folder, _name, out FileStatus status, followLinks: false);
        bool isReplaceable = errno == Errno.ENOENT || (errno == Errno.None && status.IsRegular && _overwrite);
        if (!isReplaceable)
        {
            throw errno != Errno.None ? Failure(_path, errno)
                : status.IsDirectory ? NotRegular(Errno.EISDIR, "a directory")
                : status.IsSymbolicLink ? NotRegular(Errno.ELOOP, "a symbolic link")
                : !status.IsRegular ? NotRegular(Errno.EINVAL, "a device, FIFO or socket")
                : Failure(_path, Errno.EEXIST);
        }
    }

    private MemProcException NotRegular(Errno errno, string what) => new(Operation.WriteFile, errno,
        $"'{SafeText.Escape(_path)}' is {what}; output goes to regular files only.", _path);

    /// <summary>
    /// The kernel's error number, which .NET passes on as HResult unless the exception has a type of its own.
    /// </summary>
    private static Errno ErrnoOf(Exception error) => error switch
    {
        ErrnoException failed => failed.Errno,
        DirectoryNotFoundException or FileNotFoundException => Errno.ENOENT,
        PathTooLongException => Errno.ENAMETOOLONG,
        UnauthorizedAccessException => error.InnerException?.HResult is > 0 and int number ? (Errno)number : Errno.EACCES,
        _ => error.HResult is > 0 and < 4096 ? (Errno)error.HResult : Errno.EIO,
    };
}

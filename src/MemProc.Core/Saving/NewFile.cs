using System.Diagnostics.CodeAnalysis;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// A file that gets its name when it is complete. Until then it stands beside it under another one, and is removed when
/// it is disposed of. Memory holds secrets: only its owner may read it.
/// </summary>
internal sealed class NewFile : IDisposable
{
    private readonly string _path;
    private readonly string _partial;
    private readonly bool _overwrite;
    private bool _isComplete;

    /// <summary>Begins a file.</summary>
    /// <param name="path">The name that it gets.</param>
    /// <param name="overwrite">Replace a file that is there.</param>
    /// <exception cref="MemProcException">WriteFile: EEXIST where a file is there; the file cannot be made.</exception>
    [SuppressMessage("Interoperability", "CA1416", Justification = "MemProc is for Linux.")]
    public NewFile(string path, bool overwrite)
    {
        _path = path;
        _overwrite = overwrite;
        _partial = $"{path}.{System.IO.Path.GetRandomFileName()}.partial";
        if (!overwrite && System.IO.Path.Exists(path))
        {
            throw IsThere(path);
        }

        if (Directory.Exists(path))
        {
            throw new MemProcException(Operation.WriteFile, Errno.EISDIR, $"'{SafeText.Escape(path)}' is a folder.", path);
        }

        Handle = Guarded(path, () => new FileStream(_partial, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }).SafeFileHandle);
    }

    /// <summary>The open file.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Gives it its name.</summary>
    /// <exception cref="MemProcException">WriteFile: EEXIST where somebody else made one meanwhile.</exception>
    public void Complete()
    {
        Handle.Dispose();
        Guarded(_path, () =>
        {
            File.Move(_partial, _path, _overwrite);
            return _isComplete = true;
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Handle.Dispose();
        if (!_isComplete)
        {
            File.Delete(_partial);
        }
    }

    /// <summary>Does something with a file, and tells what fails in one form.</summary>
    /// <param name="path">The file, as the person knows it.</param>
    /// <param name="work">The work.</param>
    /// <exception cref="MemProcException">WriteFile, with the error number of the kernel where there is one.</exception>
    public static T Guarded<T>(string path, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Errno errno = ErrnoOf(error);
            if (errno == Errno.EEXIST)
            {
                throw IsThere(path);
            }

            string remedy = errno == Errno.ENOSPC ? " What had been written is removed again." : string.Empty;
            throw new MemProcException(Operation.WriteFile, errno,
                $"'{SafeText.Escape(path)}' cannot be written: {ErrnoException.Describe(errno)} ({errno}).{remedy}", path);
        }
    }

    private static MemProcException IsThere(string path) => new(
        Operation.WriteFile, Errno.EEXIST, $"'{SafeText.Escape(path)}' is there already, and is left as it is.", path);

    /// <summary>.NET hands the kernel's number on as HResult, but for those that have an exception of their own.</summary>
    private static Errno ErrnoOf(Exception error) => error switch
    {
        DirectoryNotFoundException or FileNotFoundException => Errno.ENOENT,
        PathTooLongException => Errno.ENAMETOOLONG,
        UnauthorizedAccessException => error.InnerException?.HResult is > 0 and int number ? (Errno)number : Errno.EACCES,
        _ => error.HResult is > 0 and < 4096 ? (Errno)error.HResult : Errno.EIO,
    };
}

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>Flags for openat(2).</summary>
public enum OpenAccess
{
    /// <summary>Open for reading.</summary>
    ReadOnly = 0,
    /// <summary>Open for writing.</summary>
    WriteOnly = 1,
    /// <summary>Open for reading and writing.</summary>
    ReadWrite = 2,
    /// <summary>
    /// Open for reading (O_RDONLY | O_NONBLOCK), without waiting for a writer if the file is a FIFO.
    /// </summary>
    ReadWithoutWaiting = 0x800,
    /// <summary>
    /// The same with O_NOATIME: the file's time of last access does not change. Requires the file's owner or CAP_FOWNER,
    /// otherwise EPERM.
    /// </summary>
    ReadWithoutTrace = 0x40800,
}

public static partial class Libc
{
    private const int CurrentDirectory = -100;
    private const int CloseOnExec = 0x80000;

    /// <summary>openat(2): opens a path relative to an open directory.</summary>
    /// <param name="directory">The directory; null for the current one or an absolute path.</param>
    /// <param name="path">The path.</param>
    /// <param name="access">The flags; O_CLOEXEC is always added.</param>
    /// <exception cref="ErrnoException">The path cannot be opened.</exception>
    public static SafeFileHandle OpenAt(SafeFileHandle? directory, string path, OpenAccess access = OpenAccess.ReadOnly)
    {
        Errno errno = TryOpenAt(directory, path, access, out SafeFileHandle? handle);
        return handle ?? throw new ErrnoException($"openat({path})", errno);
    }

    /// <summary>openat(2): returns <see cref="Errno.None"/> and a handle, or the error.</summary>
    public static Errno TryOpenAt(SafeFileHandle? directory, string path, OpenAccess access, out SafeFileHandle? handle)
    {
        bool referenced = false;
        try
        {
            directory?.DangerousAddRef(ref referenced);
            int from = directory is null ? CurrentDirectory : (int)directory.DangerousGetHandle();
            int fd;
            do
            {
                fd = openat(from, path, (int)access | CloseOnExec, 0);
            }
            while (fd < 0 && LastErrno == Errno.EINTR);

            handle = fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
            return fd < 0 ? LastErrno : Errno.None;
        }
        finally
        {
            if (referenced)
            {
                directory!.DangerousRelease();
            }
        }
    }

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int openat(int dirfd, string path, int flags, int mode);
}

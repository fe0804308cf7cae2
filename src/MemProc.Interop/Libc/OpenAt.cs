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
    ReadNonBlocking = 0x800,
    /// <summary>
    /// The same with O_NOATIME: the file's time of last access does not change. Requires the file's owner or CAP_FOWNER,
    /// otherwise EPERM.
    /// </summary>
    ReadNoAccessTime = 0x40800,
    /// <summary>
    /// Only a place in the file system (O_PATH), for calls that take a directory: requires no read permission.
    /// </summary>
    PathOnly = 0x200000,
    /// <summary>
    /// Open for reading (O_RDONLY | O_NONBLOCK | O_NOCTTY) what was looked at before.
    /// </summary>
    ReadChecked = 0x900,
}

public static partial class Libc
{
    private const int CurrentDirectory = -100;
    private const int CloseOnExec = 0x80000;

    /// <summary>O_WRONLY, O_CREAT and O_EXCL.</summary>
    private const int CreateNew = 0xc1;

    /// <summary>The mode 0600.</summary>
    private const int OwnerReadWrite = 0x180;

    /// <summary>O_TMPFILE, which contains O_DIRECTORY, which differs between the architectures.</summary>
    private static readonly int Unnamed =
        0x400000 | (RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : 0x10000);

    /// <summary>O_NOFOLLOW, which differs between the architectures.</summary>
    internal static readonly int NoFollow =
        RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

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

    /// <summary>openat(2) without an exception: <see cref="Errno.None"/> and a handle, or the error.</summary>
    /// <param name="directory">The directory; null for the current one or an absolute path.</param>
    /// <param name="path">The path.</param>
    /// <param name="access">How to open; O_CLOEXEC is always added.</param>
    /// <param name="handle">The open file, or null where the call failed.</param>
    /// <param name="followLinks">False: a symbolic link at the end of the path is refused with ELOOP.</param>
    public static Errno TryOpenAt(
        SafeFileHandle? directory, string path, OpenAccess access, out SafeFileHandle? handle, bool followLinks = true) =>
        Open(directory, path, (int)access | (followLinks ? 0 : NoFollow), 0, out handle);

    /// <summary>
    /// openat(2) with O_CREAT, O_EXCL and O_NOFOLLOW: creates a file for writing that only its owner may read and
    /// write.
    /// </summary>
    /// <param name="directory">The directory.</param>
    /// <param name="name">The name of the new file.</param>
    /// <param name="handle">The open file, or null where the call failed.</param>
    /// <returns>EEXIST: something of that name exists, a symbolic link included.</returns>
    public static Errno TryCreateAt(SafeFileHandle directory, string name, out SafeFileHandle? handle) =>
        Open(directory, name, CreateNew | NoFollow, OwnerReadWrite, out handle);

    /// <summary>
    /// openat(2) with O_TMPFILE (Linux 3.11): creates a file without a name, for writing, that only its owner may read and
    /// write. It is gone with its last handle, unless <see cref="TryLinkAt"/> gives it a name.
    /// </summary>
    /// <param name="directory">The directory.</param>
    /// <param name="handle">The open file, or null where the call failed.</param>
    /// <param name="access">For writing, or for reading and writing.</param>
    /// <returns>EOPNOTSUPP, EISDIR: the file system or the kernel has no such files.</returns>
    public static Errno TryCreateUnnamed(
        SafeFileHandle directory, out SafeFileHandle? handle, OpenAccess access = OpenAccess.WriteOnly) =>
        Open(directory, ".", (int)access | Unnamed, OwnerReadWrite, out handle);

    private static Errno Open(SafeFileHandle? directory, string path, int flags, int mode, out SafeFileHandle? handle)
    {
        bool referenced = false;
        try
        {
            directory?.DangerousAddRef(ref referenced);
            int from = directory is null ? CurrentDirectory : (int)directory.DangerousGetHandle();
            int fd;
            do
            {
                fd = openat(from, path, flags | CloseOnExec, mode);
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

    [LibraryImport(
        Library, SetLastError = true, StringMarshalling = StringMarshalling.Custom,
        StringMarshallingCustomType = typeof(PathMarshaller))]
    private static partial int openat(int dirfd, string path, int flags, int mode);
}

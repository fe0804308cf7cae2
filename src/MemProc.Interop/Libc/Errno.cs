using System.Runtime.InteropServices;

namespace MemProc.Interop;

/// <summary>
/// Error numbers of Linux that the interfaces used here return
/// (<c>include/uapi/asm-generic/errno-base.h</c> and <c>errno.h</c>; the same on x86-64 and arm64).
/// A number without a name here is kept and printed as a number.
/// </summary>
public enum Errno
{
    /// <summary>No error.</summary>
    None = 0,
    /// <summary>Operation not permitted.</summary>
    EPERM = 1,
    /// <summary>No such file or directory.</summary>
    ENOENT = 2,
    /// <summary>No such process.</summary>
    ESRCH = 3,
    /// <summary>Interrupted system call.</summary>
    EINTR = 4,
    /// <summary>Input/output error.</summary>
    EIO = 5,
    /// <summary>No such device or address.</summary>
    ENXIO = 6,
    /// <summary>Argument list too long; for ioctls with a size field, a structure newer than the kernel.</summary>
    E2BIG = 7,
    /// <summary>Exec format error: a file of another format, or a malformed one.</summary>
    ENOEXEC = 8,
    /// <summary>Bad file descriptor.</summary>
    EBADF = 9,
    /// <summary>No child processes.</summary>
    ECHILD = 10,
    /// <summary>Resource temporarily unavailable.</summary>
    EAGAIN = 11,
    /// <summary>Cannot allocate memory.</summary>
    ENOMEM = 12,
    /// <summary>Permission denied.</summary>
    EACCES = 13,
    /// <summary>Bad address.</summary>
    EFAULT = 14,
    /// <summary>Device or resource busy.</summary>
    EBUSY = 16,
    /// <summary>File exists.</summary>
    EEXIST = 17,
    /// <summary>No such device; for mmap, a file system that cannot map.</summary>
    ENODEV = 19,
    /// <summary>Not a directory.</summary>
    ENOTDIR = 20,
    /// <summary>Is a directory.</summary>
    EISDIR = 21,
    /// <summary>Invalid argument.</summary>
    EINVAL = 22,
    /// <summary>Too many open files in the system.</summary>
    ENFILE = 23,
    /// <summary>Too many open files.</summary>
    EMFILE = 24,
    /// <summary>Inappropriate ioctl for device: this kernel does not know the request.</summary>
    ENOTTY = 25,
    /// <summary>File too large.</summary>
    EFBIG = 27,
    /// <summary>No space left on device.</summary>
    ENOSPC = 28,
    /// <summary>Read-only file system.</summary>
    EROFS = 30,
    /// <summary>Broken pipe: the reader has closed it.</summary>
    EPIPE = 32,
    /// <summary>File name too long.</summary>
    ENAMETOOLONG = 36,
    /// <summary>Function not implemented.</summary>
    ENOSYS = 38,
    /// <summary>Too many levels of symbolic links.</summary>
    ELOOP = 40,
    /// <summary>No data available.</summary>
    ENODATA = 61,
    /// <summary>Value too large for defined data type.</summary>
    EOVERFLOW = 75,
    /// <summary>Operation not supported.</summary>
    EOPNOTSUPP = 95,
    /// <summary>Connection timed out; here, an operation that took too long.</summary>
    ETIMEDOUT = 110,
    /// <summary>Memory page has hardware error.</summary>
    EHWPOISON = 133,
}

/// <summary>A system call failed.</summary>
/// <param name="call">The C name of the call, with its main argument.</param>
/// <param name="errno">The error number that the kernel returned.</param>
public sealed class ErrnoException(string call, Errno errno) : IOException($"{call}: {Describe(errno)} ({errno})")
{
    /// <summary>The error number.</summary>
    public Errno Errno { get; } = errno;

    /// <summary>Returns the C library's text for an error number.</summary>
    public static string Describe(Errno errno) => Marshal.GetPInvokeErrorMessage((int)errno);
}

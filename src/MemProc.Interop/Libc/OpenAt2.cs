using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>struct open_how of <c>include/uapi/linux/openat2.h</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct OpenHow
{
    /// <summary>The flags of openat(2).</summary>
    public ulong Flags;
    /// <summary>The mode of a file that is created; else 0.</summary>
    public ulong Mode;
    /// <summary>How the path is resolved: <c>RESOLVE_*</c>.</summary>
    public ulong Resolve;
}

public static partial class Libc
{
    private const long OpenAt2Number = 437;
    private const ulong ResolveNoMagicLinks = 0x02;
    private const ulong ResolveInRoot = 0x10;

    /// <summary>
    /// openat2(2) (Linux 5.6) with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS: opens a path as a process would see it whose
    /// root is a directory. Absolute paths, symbolic links and <c>..</c> stay in it, and links of procfs that lead to the
    /// open files of a process are refused with ELOOP.
    /// </summary>
    /// <param name="root">The directory.</param>
    /// <param name="path">The path.</param>
    /// <param name="access">How to open; O_CLOEXEC is always added.</param>
    /// <param name="handle">The open file, or null where the call failed.</param>
    /// <returns>ENOSYS: older kernel; EPERM: a sandbox forbids the call.</returns>
    public static unsafe Errno TryOpenInRoot(
        SafeFileHandle root, string path, OpenAccess access, out SafeFileHandle? handle)
    {
        // EAGAIN: something was moved while ".." was resolved.
        const int MaxAttempts = 16;
        OpenHow how = new()
        {
            Flags = (ulong)access | CloseOnExec,
            Resolve = ResolveInRoot | ResolveNoMagicLinks,
        };
        bool referenced = false;
        root.DangerousAddRef(ref referenced);
        try
        {
            nint fd;
            int attempts = 0;
            do
            {
                fd = syscall(OpenAt2Number, (int)root.DangerousGetHandle(), path, &how, (nuint)sizeof(OpenHow));
            }
            while (fd < 0 && (LastErrno == Errno.EINTR || (LastErrno == Errno.EAGAIN && ++attempts < MaxAttempts)));

            handle = fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
            return fd < 0 ? LastErrno : Errno.None;
        }
        finally
        {
            root.DangerousRelease();
        }
    }

    // The C library has no wrapper before glibc 2.43.
    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint syscall(
        long number, int directory, [MarshalUsing(typeof(PathMarshaller))] string path, OpenHow* how, nuint size);
}

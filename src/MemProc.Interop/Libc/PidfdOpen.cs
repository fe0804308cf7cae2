using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const long PidfdOpenNumber = 434;

    /// <summary>
    /// pidfd_open(2) (Linux 5.3): a handle on a process that outlives its number.
    /// </summary>
    /// <param name="processId">The process id.</param>
    /// <param name="handle">The handle, or null where the call failed.</param>
    /// <returns>ESRCH: no such process; ENOSYS: older kernel; EPERM: forbidden by a sandbox.</returns>
    public static Errno TryPidfdOpen(int processId, out SafeFileHandle? handle)
    {
        nint fd = syscall(PidfdOpenNumber, processId, 0);
        handle = fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
        return fd < 0 ? LastErrno : Errno.None;
    }

    // The C library got a pidfd_open of its own only in 2.36, so the number is called.
    [LibraryImport(Library, SetLastError = true)]
    private static partial nint syscall(long number, long first, long second);
}

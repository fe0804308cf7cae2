using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const long PidfdOpenNumber = 434;

    /// <summary>pidfd_open(2) (Linux 5.3): opens a handle that keeps referring to a process after its id is reused.</summary>
    /// <param name="processId">The process id.</param>
    /// <param name="handle">The handle; null if the call failed.</param>
    /// <returns>ESRCH: no such process; ENOSYS: older kernel; EPERM: a sandbox forbids it.</returns>
    public static Errno TryPidfdOpen(int processId, out SafeFileHandle? handle)
    {
        nint fd = syscall(PidfdOpenNumber, processId, 0);
        handle = fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
        return fd < 0 ? LastErrno : Errno.None;
    }

    // glibc has a wrapper only from 2.36 on.
    [LibraryImport(Library, SetLastError = true)]
    private static partial nint syscall(long number, long first, long second);
}

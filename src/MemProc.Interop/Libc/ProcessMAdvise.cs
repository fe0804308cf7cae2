using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const long ProcessMAdviseNumber = 440;

    /// <summary>process_madvise(2) (Linux 5.10): gives advice about a range of memory of a process.</summary>
    /// <param name="pidfd">A handle of pidfd_open(2).</param>
    /// <param name="address">First address, page-aligned.</param>
    /// <param name="length">Bytes; 0 to find out whether the kernel knows the advice.</param>
    /// <param name="advice">The advice.</param>
    /// <param name="advised">Bytes that the advice was applied to: fewer than requested where it failed in the middle.</param>
    /// <returns>
    /// EINVAL: the kernel does not know the advice for other processes, or it does not apply to the mapping; ENOMEM: nothing
    /// is mapped there; EPERM: no ptrace access, or no CAP_SYS_NICE; ESRCH: the process has exited; ENOSYS: older kernel.
    /// </returns>
    public static unsafe Errno TryProcessAdvise(
        SafeFileHandle pidfd, ulong address, ulong length, MemoryAdvice advice, out ulong advised)
    {
        IoVector range = new() { Base = (nuint)address, Length = (nuint)length };
        bool referenced = false;
        pidfd.DangerousAddRef(ref referenced);
        try
        {
            nint count;
            do
            {
                count = syscall(ProcessMAdviseNumber, pidfd.DangerousGetHandle(), &range, length == 0 ? 0u : 1u, (long)advice, 0L);
            }
            while (count < 0 && LastErrno == Errno.EINTR);

            advised = count < 0 ? 0 : (ulong)count;
            return count < 0 ? LastErrno : Errno.None;
        }
        finally
        {
            pidfd.DangerousRelease();
        }
    }

    // The C library has a wrapper only from 2.36 on.
    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint syscall(
        long number, nint pidfd, IoVector* ranges, nuint count, long advice, long flags);
}

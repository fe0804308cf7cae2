using System.Runtime.InteropServices;

namespace MemProc.Target;

/// <summary>
/// Memory that <c>maps</c> shows as writable and that cannot be written, through write protection of userfaultfd(2):
/// no handler resolves the faults.
/// </summary>
internal static unsafe partial class UserFault
{
    private const uint ApiRequest = 0xC018AA3F, RegisterRequest = 0xC020AA00, WriteProtectRequest = 0xC018AA06;
    private const ulong Api = 0xAA, WriteProtectFeature = 1, WriteProtectMode = 2, ProtectNow = 1;
    private const int CloseOnExec = 0x80000, UserModeOnly = 1;

    /// <summary>Write-protects touched pages. This process must not write to them any more.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Length in bytes, whole pages.</param>
    /// <param name="isRefused">
    /// Whether writes by other processes fail. Otherwise they wait until this process exits, which requires
    /// CAP_SYS_PTRACE.
    /// </param>
    public static void Protect(nint address, nuint length, bool isRefused)
    {
        long number = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 282 : 323;
        // A userfaultfd for user mode only rejects faults in the kernel, such as those of writes by other processes.
        int file = (int)syscall(number, CloseOnExec | (isRefused ? UserModeOnly : 0));
        Check("userfaultfd", file);
        ulong* words = stackalloc ulong[4];
        (words[0], words[1], words[2]) = (Api, WriteProtectFeature, 0);
        Check("UFFDIO_API", ioctl(file, ApiRequest, words));
        (words[0], words[1], words[2], words[3]) = ((ulong)address, length, WriteProtectMode, 0);
        Check("UFFDIO_REGISTER", ioctl(file, RegisterRequest, words));
        (words[0], words[1], words[2]) = ((ulong)address, length, ProtectNow);
        Check("UFFDIO_WRITEPROTECT", ioctl(file, WriteProtectRequest, words));
    }

    private static void Check(string call, int result)
    {
        if (result == -1)
        {
            throw new CommandException($"{call}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(long number, long flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(int file, nuint request, ulong* argument);
}

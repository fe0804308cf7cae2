using System.Runtime.InteropServices;

namespace MemProc.Target;

/// <summary>
/// Memory of userfaultfd(2): pages that a handler has to supply, and pages that <c>maps</c> shows as writable and that
/// cannot be written.
/// </summary>
internal static unsafe partial class UserFault
{
    private const uint ApiRequest = 0xC018AA3F, RegisterRequest = 0xC020AA00, WriteProtectRequest = 0xC018AA06;
    private const uint CopyRequest = 0xC028AA03;
    private const ulong Api = 0xAA, WriteProtectFeature = 1, WriteProtectMode = 2, ProtectNow = 1;
    private const ulong MissingMode = 1, MinorMode = 4, MinorFeature = 1 << 10;
    private const int MessageBytes = 32;

    /// <summary>The file of the areas whose pages are supplied by command; kept open for as long as the process runs.</summary>
    private static int _missing = -1;
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
        // A userfaultfd for user mode only rejects faults in the kernel, such as those of writes by other processes.
        int file = Open(WriteProtectFeature, isRefused ? UserModeOnly : 0);
        Register(file, address, length, WriteProtectMode);
        ulong* words = stackalloc ulong[3];
        (words[0], words[1], words[2]) = ((ulong)address, length, ProtectNow);
        Check("UFFDIO_WRITEPROTECT", ioctl(file, WriteProtectRequest, words));
    }

    /// <summary>Makes an access to a missing page wait until <see cref="Supply"/> supplies it.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Length in bytes, whole pages.</param>
    /// <param name="isMinor">Also wait for pages that are in memory and not mapped, of a file in memory.</param>
    public static void Miss(nint address, nuint length, bool isMinor)
    {
        _missing = Open(isMinor ? MinorFeature : 0, 0);
        Register(_missing, address, length, MissingMode | (isMinor ? MinorMode : 0));
    }

    /// <summary>Supplies missing pages, each filled with a byte.</summary>
    public static void Supply(nint address, nuint length, byte content) => Copy(_missing, address, length, content);

    /// <summary>Makes a thread of this process supply missing pages, each filled with a byte.</summary>
    public static void Serve(nint address, nuint length, byte content)
    {
        int file = Open(0, 0);
        Register(file, address, length, MissingMode);
        new Thread(() =>
        {
            byte* message = stackalloc byte[MessageBytes];
            // struct uffd_msg: the address of a fault is at offset 16.
            while (read(file, message, MessageBytes) == MessageBytes)
            {
                nint page = (nint)(*(ulong*)(message + 16) & ~(Native.PageSize - 1));
                Copy(file, page, (nuint)Native.PageSize, content);
            }
        }) { IsBackground = true }.Start();
    }

    private static void Copy(int file, nint address, nuint length, byte content)
    {
        byte[] bytes = new byte[length];
        Array.Fill(bytes, content);
        fixed (byte* source = bytes)
        {
            ulong* words = stackalloc ulong[5];
            (words[0], words[1], words[2], words[3], words[4]) = ((ulong)address, (ulong)source, length, 0, 0);
            Check("UFFDIO_COPY", ioctl(file, CopyRequest, words));
        }
    }

    private static int Open(ulong features, int flags)
    {
        long number = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 282 : 323;
        int file = (int)syscall(number, CloseOnExec | flags);
        Check("userfaultfd", file);
        ulong* words = stackalloc ulong[3];
        (words[0], words[1], words[2]) = (Api, features, 0);
        Check("UFFDIO_API", ioctl(file, ApiRequest, words));
        return file;
    }

    private static void Register(int file, nint address, nuint length, ulong mode)
    {
        ulong* words = stackalloc ulong[4];
        (words[0], words[1], words[2], words[3]) = ((ulong)address, length, mode, 0);
        Check("UFFDIO_REGISTER", ioctl(file, RegisterRequest, words));
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
    private static partial nint read(int file, byte* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(int file, nuint request, ulong* argument);
}

using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const uint MemoryFileHugeTlb = 4;
    private const int MemoryFileHugeShift = 26;

    /// <summary>memfd_create(2) with MFD_HUGETLB (Linux 4.14): an empty file of huge pages, of which none is reserved.</summary>
    /// <param name="name">A name, shown in <c>/proc/PID/maps</c>; it need not be unique.</param>
    /// <param name="pageBits">Size of the pages, as a power of 2.</param>
    /// <param name="handle">The open file, or null where the call failed.</param>
    public static Errno TryCreateHugeMemoryFile(string name, int pageBits, out SafeFileHandle? handle)
    {
        int fd = memfd_create(name, MemoryFileCloseOnExec | MemoryFileHugeTlb | (uint)pageBits << MemoryFileHugeShift);
        handle = fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
        return fd < 0 ? LastErrno : Errno.None;
    }
}

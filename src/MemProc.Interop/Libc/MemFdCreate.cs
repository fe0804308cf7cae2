using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const uint MemoryFileCloseOnExec = 1;
    private const uint MemoryFileHugeTlb = 4;
    private const int MemoryFileHugeShift = 26;

    /// <summary>memfd_create(2): creates a file that exists in memory only.</summary>
    /// <param name="name">A name, shown in <c>/proc/PID/maps</c>; it need not be unique.</param>
    /// <exception cref="ErrnoException">The kernel refused.</exception>
    public static SafeFileHandle CreateMemoryFile(string name)
    {
        int descriptor = memfd_create(name, MemoryFileCloseOnExec);
        return descriptor < 0
            ? throw new ErrnoException("memfd_create", LastErrno)
            : new SafeFileHandle(descriptor, ownsHandle: true);
    }

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

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);
}

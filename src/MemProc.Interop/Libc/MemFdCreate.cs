using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const uint MemoryFileCloseOnExec = 1;
    private const uint MemoryFileHugeTlb = 4;
    private const int MemoryFileHugeShift = 26;

    /// <summary>memfd_create(2) (Linux 3.17): creates an empty file in memory.</summary>
    /// <param name="name">Its name in <c>/proc/PID/maps</c>.</param>
    /// <param name="hugePageBits">Size of its huge pages, as a power of 2 (Linux 4.14); 0: ordinary pages.</param>
    /// <param name="handle">The open file, or null where the call failed.</param>
    public static Errno TryMemFdCreate(string name, int hugePageBits, out SafeFileHandle? handle)
    {
        uint huge = hugePageBits == 0 ? 0 : MemoryFileHugeTlb | (uint)hugePageBits << MemoryFileHugeShift;
        int fd = memfd_create(name, MemoryFileCloseOnExec | huge);
        handle = fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
        return fd < 0 ? LastErrno : Errno.None;
    }

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);
}

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int ProtectRead = 1;
    private const int MapShared = 1;
    private const int MapNoReserve = 0x4000;

    /// <summary>
    /// mmap(2): maps a part of a file shared and read-only. Nothing is read by it. No byte of it may be touched by
    /// plain instructions where the file can shrink: that would be a signal, not an error.
    /// </summary>
    /// <param name="file">A file open for reading.</param>
    /// <param name="offset">Where the part begins, page-aligned; it may lie behind the end of the file.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <param name="mapping">The mapping, or null where the call failed.</param>
    /// <returns>ENODEV: the file system cannot map; EOVERFLOW: the offset is beyond what it can count.</returns>
    public static unsafe Errno TryMapFile(
        SafeFileHandle file, ulong offset, ulong length, out SafeMapping? mapping)
    {
        // hugetlbfs would set pages aside for every mapping without MAP_NORESERVE.
        nint address = mmap(null, (nuint)length, ProtectRead, MapShared | MapNoReserve, file, (long)offset);
        Errno errno = address == -1 ? LastErrno : Errno.None;
        mapping = errno == Errno.None ? new SafeMapping(address, (nuint)length) : null;
        return errno;
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint mmap(
        void* address, nuint length, int protection, int flags, SafeFileHandle file, long offset);
}

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int ProtectRead = 1;
    private const int ProtectWrite = 2;
    private const int MapShared = 1;
    private const int MapPrivate = 2;
    private const int MapAnonymous = 0x20;
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

    /// <summary>mmap(2): anonymous private memory, readable and writable.</summary>
    /// <param name="length">Bytes; the kernel rounds up to whole pages.</param>
    /// <exception cref="ErrnoException">The kernel refused.</exception>
    public static unsafe SafeMapping MapMemory(ulong length)
    {
        using SafeFileHandle none = new(-1, ownsHandle: false);
        nint address = mmap(
            null, (nuint)length, ProtectRead | ProtectWrite, MapPrivate | MapAnonymous, none, 0);
        return address == -1 ? throw new ErrnoException("mmap", LastErrno) : new SafeMapping(address, (nuint)length);
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint mmap(
        void* address, nuint length, int protection, int flags, SafeFileHandle file, long offset);
}

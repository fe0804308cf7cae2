using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int ProtectRead = 1;
    private const int ProtectWrite = 2;
    private const int ProtectTags = 0x20;
    private const int MapShared = 1;
    private const int MapPrivate = 2;
    private const int MapAnonymous = 0x20;
    private const int MapNoReserve = 0x4000;

    /// <summary>
    /// mmap(2): maps a part of a file shared and read-only, without reading it. Where the file can shrink, its bytes must
    /// not be accessed directly: that would raise SIGBUS, not return an error.
    /// </summary>
    /// <param name="file">A file open for reading.</param>
    /// <param name="offset">Offset of the part, page-aligned; it may be after the end of the file.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <param name="mapping">The mapping; null if the call failed.</param>
    /// <returns>ENODEV: the file system cannot map; EOVERFLOW: the offset is too large.</returns>
    public static unsafe Errno TryMapFile(
        SafeFileHandle file, ulong offset, ulong length, out SafeMapping? mapping)
    {
        // Without MAP_NORESERVE hugetlbfs reserves pages for every mapping.
        nint address = mmap(null, (nuint)length, ProtectRead, MapShared | MapNoReserve, file, (long)offset);
        Errno errno = address == -1 ? LastErrno : Errno.None;
        mapping = errno == Errno.None ? new SafeMapping(address, (nuint)length) : null;
        return errno;
    }

    /// <summary>mmap(2): maps the elements of a bpf map shared and writable.</summary>
    /// <param name="map">The map.</param>
    /// <param name="length">Bytes of its elements.</param>
    /// <param name="mapping">The mapping; null if the call failed.</param>
    public static unsafe Errno TryMapBpfMap(SafeFileHandle map, int length, out SafeMapping? mapping)
    {
        nint address = mmap(null, (nuint)length, ProtectRead | ProtectWrite, MapShared, map, 0);
        Errno errno = address == -1 ? LastErrno : Errno.None;
        mapping = errno == Errno.None ? new SafeMapping(address, (nuint)length) : null;
        return errno;
    }

    /// <summary>mmap(2): maps anonymous private memory, readable and writable.</summary>
    /// <param name="length">Bytes; the kernel rounds up to whole pages.</param>
    /// <param name="isReadOnly">Not writable.</param>
    /// <exception cref="ErrnoException">The kernel refused.</exception>
    public static unsafe SafeMapping MapMemory(ulong length, bool isReadOnly = false)
    {
        using SafeFileHandle none = new(-1, ownsHandle: false);
        nint address = mmap(
            null, (nuint)length, isReadOnly ? ProtectRead : ProtectRead | ProtectWrite, MapPrivate | MapAnonymous, none, 0);
        return address == -1 ? throw new ErrnoException("mmap", LastErrno) : new SafeMapping(address, (nuint)length);
    }

    /// <summary>mmap(2): maps anonymous private memory with tags (PROT_MTE). Only for arm64.</summary>
    /// <param name="length">Bytes; the kernel rounds up to whole pages.</param>
    /// <param name="mapping">The mapping; null if the call failed.</param>
    /// <returns>EINVAL: the processor or the kernel has no memory tags.</returns>
    public static unsafe Errno TryMapTagged(ulong length, out SafeMapping? mapping)
    {
        using SafeFileHandle none = new(-1, ownsHandle: false);
        nint address = mmap(
            null, (nuint)length, ProtectRead | ProtectWrite | ProtectTags, MapPrivate | MapAnonymous, none, 0);
        Errno errno = address == -1 ? LastErrno : Errno.None;
        mapping = errno == Errno.None ? new SafeMapping(address, (nuint)length) : null;
        return errno;
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint mmap(
        void* address, nuint length, int protection, int flags, SafeFileHandle file, long offset);
}

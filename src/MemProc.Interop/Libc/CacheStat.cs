using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>struct cachestat_range of <c>include/uapi/linux/mman.h</c>: a part of a file.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CacheRange
{
    /// <summary>First byte.</summary>
    public ulong Offset;
    /// <summary>Bytes; 0 for all up to the end of the file.</summary>
    public ulong Length;
}

/// <summary>struct cachestat of <c>include/uapi/linux/mman.h</c>: numbers of pages.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CacheCounts
{
    /// <summary>In the page cache, including pages that are still being read.</summary>
    public ulong Cached;
    /// <summary>Modified and not yet written back.</summary>
    public ulong Dirty;
    /// <summary>Being written back.</summary>
    public ulong Writeback;
    /// <summary>Evicted from the cache and still recorded by it; in swap for files in memory.</summary>
    public ulong Evicted;
    /// <summary>Of those, evicted so recently that reading them again would indicate memory pressure.</summary>
    public ulong RecentlyEvicted;
}

public static partial class Libc
{
    private const long CacheStatNumber = 451;

    /// <summary>
    /// cachestat(2) (Linux 6.5): counts the pages of a file in the page cache, in time proportional to their number.
    /// </summary>
    /// <param name="file">A file open for reading.</param>
    /// <param name="range">The part of the file.</param>
    /// <param name="counts">The numbers of pages.</param>
    /// <returns>
    /// ENOSYS: older kernel; EPERM: the user neither owns the file nor may write it, or a sandbox forbids it; EOPNOTSUPP: a
    /// hugetlbfs file.
    /// </returns>
    public static unsafe Errno TryCacheStat(SafeFileHandle file, CacheRange range, out CacheCounts counts)
    {
        CacheCounts result = default;
        bool referenced = false;
        file.DangerousAddRef(ref referenced);
        try
        {
            nint outcome = syscall(CacheStatNumber, file.DangerousGetHandle(), &range, &result, 0);
            counts = result;
            return outcome < 0 ? LastErrno : Errno.None;
        }
        finally
        {
            file.DangerousRelease();
        }
    }

    // The C library has no wrapper.
    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint syscall(
        long number, nint file, CacheRange* range, CacheCounts* counts, ulong flags);
}

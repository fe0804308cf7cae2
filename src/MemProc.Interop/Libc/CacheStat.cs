using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>struct cachestat_range of <c>include/uapi/linux/mman.h</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CacheRange
{
    /// <summary>First byte.</summary>
    public ulong Offset;
    /// <summary>Bytes; 0: to the end of the file.</summary>
    public ulong Length;
}

/// <summary>struct cachestat of <c>include/uapi/linux/mman.h</c>: pages of a part of a file.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CacheCounts
{
    /// <summary>In the page cache, those that are still being read included.</summary>
    public ulong Cached;
    /// <summary>Changed and not yet written back.</summary>
    public ulong Dirty;
    /// <summary>Being written back.</summary>
    public ulong Writeback;
    /// <summary>Dropped from the cache, but not yet forgotten; in swap for files in memory.</summary>
    public ulong Evicted;
    /// <summary>Of those, dropped so recently that reading them again would count as a shortage of memory.</summary>
    public ulong RecentlyEvicted;
}

public static partial class Libc
{
    private const long CacheStatNumber = 451;

    /// <summary>
    /// cachestat(2) (Linux 6.5): counts pages in the page cache without looking at those that are not there.
    /// </summary>
    /// <param name="file">A file open for reading.</param>
    /// <param name="range">Which part.</param>
    /// <param name="counts">The answer.</param>
    /// <returns>
    /// ENOSYS: older kernel; EPERM: neither the file's owner nor allowed to write it, or forbidden by a sandbox;
    /// EOPNOTSUPP: a file of huge pages.
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

    // No C library wraps it yet.
    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint syscall(
        long number, nint file, CacheRange* range, CacheCounts* counts, ulong flags);
}

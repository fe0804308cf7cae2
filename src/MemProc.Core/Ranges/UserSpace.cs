using MemProc.Interop;

namespace MemProc;

/// <summary>The addresses that processes of this machine can have.</summary>
internal static class UserSpace
{
    private static readonly Lazy<ulong> DefaultEnd = new(() => FindEnd(KernelFiles.Default));

    /// <summary>
    /// Returns the first address that no process can have, so that one scan covers a whole process; 0 where the
    /// kernel has no PAGEMAP_SCAN (before Linux 6.7). Depends on the processor and on the levels of the page table, so
    /// the kernel is asked, once for its own procfs.
    /// </summary>
    /// <param name="files">Where procfs is.</param>
    public static ulong End(KernelFiles files) =>
        files == KernelFiles.Default ? DefaultEnd.Value : FindEnd(files);

    private static ulong FindEnd(KernelFiles files)
    {
        if (Libc.TryOpenAt(null, $"{files.Proc}/self/pagemap", OpenAccess.ReadOnly, out var file) != Errno.None)
        {
            return 0;
        }

        using (file)
        {
            // PAGEMAP_SCAN fails with EFAULT for addresses above the end; a binary search finds it.
            Span<PageRegion> region = stackalloc PageRegion[1];
            ulong known = 0;
            ulong beyond = (1UL << 63) / MachinePage.SizeBytes;
            while (beyond - known > 1)
            {
                ulong middle = known + (beyond - known) / 2;
                ulong end = middle * MachinePage.SizeBytes;
                Errno errno = PageMapScan.TryFindPresent(file!, end - MachinePage.SizeBytes, end, region, out _, out _);
                (known, beyond) = errno == Errno.None ? (middle, beyond) : (known, middle);
            }

            return known * MachinePage.SizeBytes;
        }
    }
}

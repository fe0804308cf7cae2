using MemProc.Interop;

namespace MemProc;

/// <summary>The addresses that processes of this machine can have.</summary>
internal static class UserSpace
{
    private static readonly Lazy<ulong> LazyEnd = new(FindEnd);

    /// <summary>
    /// The address behind them all, so that a whole process can be scanned at once; 0 where the kernel cannot scan
    /// (before Linux 6.7). Kernels differ by processor and by levels of the page table, so this one is asked.
    /// </summary>
    public static ulong End => LazyEnd.Value;

    private static ulong FindEnd()
    {
        if (Libc.TryOpenAt(null, $"{KernelFiles.Default.Proc}/self/pagemap", OpenAccess.ReadOnly, out var file)
            != Errno.None)
        {
            return 0;
        }

        using (file)
        {
            // PAGEMAP_SCAN refuses ranges that reach beyond (EFAULT); where they begin to is found by halving.
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

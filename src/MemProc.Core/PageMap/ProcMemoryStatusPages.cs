namespace MemProc;

/// <summary>
/// The memory counters of a process with sums over its pages, from pagemap and kpagecount. What only smaps_rollup has is
/// null.
/// </summary>
public sealed class ProcMemoryStatusPages : ProcMemoryStatusDetail
{
    internal ProcMemoryStatusPages(
        ProcMemoryStatus status, Dictionary<string, ulong> counters, ulong ussBytes, ulong? uncertainBytes, double maxLockMicroseconds)
        : base(status.Process, status.State, status.ThreadCount, counters)
    {
        UssBytes = ussBytes;
        UncertainBytes = uncertainBytes;
        MaxLockMicroseconds = maxLockMicroseconds;
    }

    /// <summary>Bytes in memory that no other process maps.</summary>
    public override ulong? UssBytes { get; }

    /// <summary>
    /// Bytes of shared pages in large folios, by which <see cref="ProcMemoryStatusDetail.PssBytes"/> and
    /// <see cref="UssBytes"/> can differ from smaps_rollup at most: a kernel without map counts of pages
    /// (CONFIG_NO_PAGE_MAPCOUNT) reports the average of a folio. Other kernels count exactly. null: the frame tables cannot
    /// be read.
    /// </summary>
    public ulong? UncertainBytes { get; }

    /// <summary>
    /// The longest of the system calls that read the page table, in microseconds. The kernel holds the mmap lock of the
    /// process within one call, so that a thread that maps or unmaps memory waited no longer for it.
    /// </summary>
    public double MaxLockMicroseconds { get; }
}

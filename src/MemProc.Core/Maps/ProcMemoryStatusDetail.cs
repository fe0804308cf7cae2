namespace MemProc;

/// <summary>
/// The memory counters of a process with the sums over all mappings from <c>/proc/PID/smaps_rollup</c> (4.14).
/// <see cref="ProcMemoryStatus.Counters"/> has the counters of both.
/// </summary>
public class ProcMemoryStatusDetail : ProcMemoryStatus
{
    internal ProcMemoryStatusDetail(
        ProcessIdentity process, string? state, int? threadCount, Dictionary<string, ulong> counters)
        : base(process, state, threadCount, counters)
    {
    }

    /// <summary>Resident bytes, counted page by page.</summary>
    public ulong? RssBytes => this["Rss"];

    /// <inheritdoc cref="ProcMapDetail.PssBytes"/>
    public ulong? PssBytes => this["Pss"];

    /// <summary>The dirty part of <see cref="PssBytes"/> (6.0).</summary>
    public ulong? PssDirtyBytes => this["Pss_Dirty"];

    /// <summary>The anonymous part of <see cref="PssBytes"/> (5.4).</summary>
    public ulong? PssAnonBytes => this["Pss_Anon"];

    /// <summary>The part of <see cref="PssBytes"/> that belongs to files (5.4).</summary>
    public ulong? PssFileBytes => this["Pss_File"];

    /// <summary>The part of <see cref="PssBytes"/> that is shared memory (5.4).</summary>
    public ulong? PssShmemBytes => this["Pss_Shmem"];

    /// <inheritdoc cref="ProcMapDetail.UssBytes"/>
    public virtual ulong? UssBytes => PrivateCleanBytes + PrivateDirtyBytes;

    /// <inheritdoc cref="ProcMapDetail.SharedCleanBytes"/>
    public ulong? SharedCleanBytes => this["Shared_Clean"];

    /// <inheritdoc cref="ProcMapDetail.SharedDirtyBytes"/>
    public ulong? SharedDirtyBytes => this["Shared_Dirty"];

    /// <inheritdoc cref="ProcMapDetail.PrivateCleanBytes"/>
    public ulong? PrivateCleanBytes => this["Private_Clean"];

    /// <inheritdoc cref="ProcMapDetail.PrivateDirtyBytes"/>
    public ulong? PrivateDirtyBytes => this["Private_Dirty"];

    /// <inheritdoc cref="ProcMapDetail.ReferencedBytes"/>
    public ulong? ReferencedBytes => this["Referenced"];

    /// <inheritdoc cref="ProcMapDetail.AnonymousBytes"/>
    public ulong? AnonymousBytes => this["Anonymous"];

    /// <summary>Bytes merged with identical pages by KSM (6.7).</summary>
    public ulong? KsmBytes => this["KSM"];

    /// <inheritdoc cref="ProcMapDetail.LazyFreeBytes"/>
    public ulong? LazyFreeBytes => this["LazyFree"];

    /// <inheritdoc cref="ProcMapDetail.AnonHugePagesBytes"/>
    public ulong? AnonHugePagesBytes => this["AnonHugePages"];

    /// <inheritdoc cref="ProcMapDetail.ShmemPmdMappedBytes"/>
    public ulong? ShmemPmdMappedBytes => this["ShmemPmdMapped"];

    /// <inheritdoc cref="ProcMapDetail.FilePmdMappedBytes"/>
    public ulong? FilePmdMappedBytes => this["FilePmdMapped"];

    /// <inheritdoc cref="ProcMapDetail.SharedHugetlbBytes"/>
    public ulong? SharedHugetlbBytes => this["Shared_Hugetlb"];

    /// <inheritdoc cref="ProcMapDetail.PrivateHugetlbBytes"/>
    public ulong? PrivateHugetlbBytes => this["Private_Hugetlb"];

    /// <summary>Bytes in swap, including shared memory.</summary>
    public ulong? SwapBytes => this["Swap"];

    /// <inheritdoc cref="ProcMapDetail.SwapPssBytes"/>
    public ulong? SwapPssBytes => this["SwapPss"];

    /// <summary>Locked bytes, each page divided by the number of processes that map it.</summary>
    public ulong? LockedBytes => this["Locked"];
}

namespace MemProc;

/// <summary>
/// The same with what <c>/proc/PID/smaps_rollup</c> adds up over all mappings (4.14).
/// <see cref="ProcMemoryStatus.Counters"/> has the counters of both.
/// </summary>
public sealed class ProcMemoryStatusDetail : ProcMemoryStatus
{
    internal ProcMemoryStatusDetail(
        ProcessIdentity process, string? state, int? threadCount, Dictionary<string, ulong> counters)
        : base(process, state, threadCount, counters)
    {
    }

    /// <summary>Resident bytes, counted page by page.</summary>
    public ulong? RssBytes => this["Rss"];

    /// <summary>Resident bytes, each page divided by the number of processes that map it.</summary>
    public ulong? PssBytes => this["Pss"];

    /// <summary>The dirty part of <see cref="PssBytes"/> (6.0).</summary>
    public ulong? PssDirtyBytes => this["Pss_Dirty"];

    /// <summary>The anonymous part of <see cref="PssBytes"/> (5.4).</summary>
    public ulong? PssAnonBytes => this["Pss_Anon"];

    /// <summary>The part of <see cref="PssBytes"/> that belongs to files (5.4).</summary>
    public ulong? PssFileBytes => this["Pss_File"];

    /// <summary>The part of <see cref="PssBytes"/> that is shared memory (5.4).</summary>
    public ulong? PssShmemBytes => this["Pss_Shmem"];

    /// <summary>Resident bytes of this process alone.</summary>
    public ulong? UssBytes => PrivateCleanBytes + PrivateDirtyBytes;

    /// <summary>Clean pages that others map too.</summary>
    public ulong? SharedCleanBytes => this["Shared_Clean"];

    /// <summary>Dirty pages that others map too.</summary>
    public ulong? SharedDirtyBytes => this["Shared_Dirty"];

    /// <summary>Clean pages of this process alone.</summary>
    public ulong? PrivateCleanBytes => this["Private_Clean"];

    /// <summary>Dirty pages of this process alone.</summary>
    public ulong? PrivateDirtyBytes => this["Private_Dirty"];

    /// <summary>Bytes marked as referenced.</summary>
    public ulong? ReferencedBytes => this["Referenced"];

    /// <summary>Bytes that belong to no file, copies of private file mappings included.</summary>
    public ulong? AnonymousBytes => this["Anonymous"];

    /// <summary>Bytes that the kernel has merged with equal pages (6.7).</summary>
    public ulong? KsmBytes => this["KSM"];

    /// <summary>Bytes marked by MADV_FREE.</summary>
    public ulong? LazyFreeBytes => this["LazyFree"];

    /// <summary>Anonymous bytes in transparent huge pages.</summary>
    public ulong? AnonHugePagesBytes => this["AnonHugePages"];

    /// <summary>Shared memory mapped by huge entries.</summary>
    public ulong? ShmemPmdMappedBytes => this["ShmemPmdMapped"];

    /// <summary>File pages mapped by huge entries.</summary>
    public ulong? FilePmdMappedBytes => this["FilePmdMapped"];

    /// <summary>hugetlb pages that others map too; not part of <see cref="RssBytes"/>.</summary>
    public ulong? SharedHugetlbBytes => this["Shared_Hugetlb"];

    /// <summary>hugetlb pages of this process alone; not part of <see cref="RssBytes"/>.</summary>
    public ulong? PrivateHugetlbBytes => this["Private_Hugetlb"];

    /// <summary>Bytes in swap, those of shared memory included.</summary>
    public ulong? SwapBytes => this["Swap"];

    /// <summary>Bytes in swap, each divided by the number of processes that share it.</summary>
    public ulong? SwapPssBytes => this["SwapPss"];

    /// <summary>Locked bytes, each page divided by the number of processes that map it.</summary>
    public ulong? LockedBytes => this["Locked"];
}

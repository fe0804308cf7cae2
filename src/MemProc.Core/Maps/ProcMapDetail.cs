using System.Collections.ObjectModel;

namespace MemProc;

/// <summary>A mapping with everything <c>/proc/PID/smaps</c> counts for it.</summary>
public sealed class ProcMapDetail : ProcMap
{
    private readonly MapOrigin? _origin;

    internal ProcMapDetail(ProcMap map, SmapsCounters smaps, MapOrigin? origin = null)
        : base(map)
    {
        Counters = smaps.Counters.AsReadOnly();
        VmFlags = Array.AsReadOnly(smaps.VmFlags);
        _origin = origin;
    }

    /// <summary>
    /// The linker's fingerprint of the file in hex; null where it is no ELF file, has none, or cannot be read.
    /// </summary>
    public string? BuildId => _origin?.BuildId;

    /// <summary>
    /// The program header that the mapping was made for, <c>LOAD #3 r-x</c>: number and permissions as in the file.
    /// Null where it comes from none.
    /// </summary>
    public string? Segment => _origin?.Segment;

    /// <summary>Which part of the main program it is; null for what belongs to libraries and to nobody.</summary>
    public ProcMapRole? Role => _origin?.Role;

    /// <summary>
    /// Id of the thread whose stack pointer was in the mapping; null where there was none, where several were, and for
    /// threads that were running.
    /// </summary>
    public int? Thread => _origin?.Thread;

    /// <summary>
    /// Every counter by the kernel's name, also those that this version does not know. In bytes, but for
    /// <c>THPeligible</c> and <c>ProtectionKey</c>, which are numbers.
    /// </summary>
    public ReadOnlyDictionary<string, ulong> Counters { get; }

    /// <summary>The kernel's two-letter flags, unknown ones kept: <c>rd</c>, <c>ex</c>, <c>mr</c>…</summary>
    public ReadOnlyCollection<string> VmFlags { get; }

    /// <summary>Resident bytes.</summary>
    public ulong? RssBytes => this["Rss"];

    /// <summary>Resident bytes, each page divided by the number of processes that map it.</summary>
    public ulong? PssBytes => this["Pss"];

    /// <summary>Bytes of the dirty part of <see cref="PssBytes"/> (6.0).</summary>
    public ulong? PssDirtyBytes => this["Pss_Dirty"];

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

    /// <summary>Bytes in swap.</summary>
    public ulong? SwapBytes => this["Swap"];

    /// <summary>Bytes in swap, each divided by the number of processes that share it.</summary>
    public ulong? SwapPssBytes => this["SwapPss"];

    /// <summary>Locked bytes.</summary>
    public ulong? LockedBytes => this["Locked"];

    /// <summary>Page size that the kernel allocates for the mapping.</summary>
    public ulong? KernelPageSizeBytes => this["KernelPageSize"];

    /// <summary>Page size of the hardware's translation.</summary>
    public ulong? MmuPageSizeBytes => this["MMUPageSize"];

    private ulong? this[string counter] => Counters.TryGetValue(counter, out ulong value) ? value : null;
}

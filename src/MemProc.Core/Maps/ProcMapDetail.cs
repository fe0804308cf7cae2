namespace MemProc;

/// <summary>A mapping with all counters of <c>/proc/PID/smaps</c>.</summary>
public sealed class ProcMapDetail : ProcMap
{
    private readonly MapOrigin? _origin;

    internal ProcMapDetail(ProcMap map, SmapsCounters smaps, MapOrigin? origin = null)
        : base(map)
    {
        Counters = new(smaps.Counters);
        VmFlags = smaps.VmFlags;
        _origin = origin;
    }

    /// <summary>
    /// The build id of the file in hex; null where it is not an ELF file, has none, or cannot be read.
    /// </summary>
    public string? BuildId => _origin?.BuildId;

    /// <summary>
    /// The program header that the mapping was made for, <c>LOAD #3 r-x</c>: index and permissions as in the file.
    /// Null where there is none.
    /// </summary>
    public string? Segment => _origin?.Segment;

    /// <summary>Part of the main program; null for other mappings.</summary>
    public ProcMapRole? Role => _origin?.Role;

    /// <summary>
    /// Id of the thread whose stack is in the mapping; null where none is known, and where there are several. The stack of
    /// a running thread is not known, except for the main thread's <c>[stack]</c>.
    /// </summary>
    public int? Thread => _origin?.Thread;

    /// <summary>
    /// Every counter by the kernel's name, including those unknown to this version. In bytes, except for
    /// <c>THPeligible</c> and <c>ProtectionKey</c>, which are numbers.
    /// </summary>
    public OutputTable<string> Counters { get; }

    /// <summary>The kernel's two-letter flags, including unknown ones: <c>rd</c>, <c>ex</c>, <c>mr</c>…</summary>
    public OutputList<string> VmFlags { get; }

    /// <summary>Resident bytes.</summary>
    public ulong? RssBytes => this["Rss"];

    /// <summary>Resident bytes, each page divided by the number of processes that map it.</summary>
    public ulong? PssBytes => this["Pss"];

    /// <summary>Bytes of the dirty part of <see cref="PssBytes"/> (6.0).</summary>
    public ulong? PssDirtyBytes => this["Pss_Dirty"];

    /// <summary>Resident bytes that only this process maps.</summary>
    public ulong? UssBytes => PrivateCleanBytes + PrivateDirtyBytes;

    /// <summary>Clean bytes that other processes map too.</summary>
    public ulong? SharedCleanBytes => this["Shared_Clean"];

    /// <summary>Dirty bytes that other processes map too.</summary>
    public ulong? SharedDirtyBytes => this["Shared_Dirty"];

    /// <summary>Clean bytes that only this process maps.</summary>
    public ulong? PrivateCleanBytes => this["Private_Clean"];

    /// <summary>Dirty bytes that only this process maps.</summary>
    public ulong? PrivateDirtyBytes => this["Private_Dirty"];

    /// <summary>Bytes marked as referenced.</summary>
    public ulong? ReferencedBytes => this["Referenced"];

    /// <summary>Anonymous bytes, including copies in private file mappings.</summary>
    public ulong? AnonymousBytes => this["Anonymous"];

    /// <summary>Bytes marked by MADV_FREE.</summary>
    public ulong? LazyFreeBytes => this["LazyFree"];

    /// <summary>Anonymous bytes in transparent huge pages.</summary>
    public ulong? AnonHugePagesBytes => this["AnonHugePages"];

    /// <summary>Shared memory mapped by huge page table entries.</summary>
    public ulong? ShmemPmdMappedBytes => this["ShmemPmdMapped"];

    /// <summary>File pages mapped by huge page table entries.</summary>
    public ulong? FilePmdMappedBytes => this["FilePmdMapped"];

    /// <summary>Bytes of hugetlb pages that other processes map too; not part of <see cref="RssBytes"/>.</summary>
    public ulong? SharedHugetlbBytes => this["Shared_Hugetlb"];

    /// <summary>Bytes of hugetlb pages that only this process maps; not part of <see cref="RssBytes"/>.</summary>
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

/// <summary>The origin of the content of a mapping, and its user.</summary>
/// <param name="BuildId">Build id of its file.</param>
/// <param name="Segment">The program header that it was made for, as text.</param>
/// <param name="Role">Part of the main program.</param>
/// <param name="Thread">The thread whose stack is in it.</param>
internal sealed record MapOrigin(string? BuildId, string? Segment, ProcMapRole? Role, int? Thread);

/// <summary>Part of the main program that a mapping is. No value is 0, which scripts treat as false.</summary>
public enum ProcMapRole
{
    /// <summary>Code, and what the linker put into the same segment.</summary>
    Text = 1,
    /// <summary>Read-only data: constants, tables, and pointers set when it was loaded.</summary>
    ReadOnlyData,
    /// <summary>
    /// Initialized variables; the first zero-initialized ones can be on the last page.
    /// </summary>
    Data,
    /// <summary>Zero-initialized variables, as far as they are on pages of their own.</summary>
    Bss,
    /// <summary>The heap that brk moves.</summary>
    Heap,
    /// <summary>The main thread's stack.</summary>
    Stack,
}

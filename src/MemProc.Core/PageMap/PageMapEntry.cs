using MemProc.Interop;

namespace MemProc;

/// <summary>
/// What backs a virtual page, or a run of consecutive pages of equal state in consecutive frames.
/// </summary>
public sealed class PageMapEntry : ProcessOutput
{
    private readonly PageMapChunk _chunk;
    private readonly int _index;

    internal PageMapEntry(PageMapChunk chunk, int index)
    {
        _chunk = chunk;
        _index = index;
    }

    internal override ProcessIdentity Process => _chunk.Map.Process;

    /// <summary>Address of the page; where one address was requested, that address.</summary>
    public ulong Address => _chunk.AddressAt(_index);

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>Bytes from <see cref="Address"/> to the end of the page or run.</summary>
    public ulong Length => MachinePage.Floor(Address) + PageCount * MachinePage.SizeBytes - Address;

    /// <summary>Number of pages: 1, or more for a run.</summary>
    public ulong PageCount => _chunk.PageCount;

    /// <summary>
    /// The frame that holds the page, the first one of a run; null where there is none, or where the kernel hid its
    /// number (<see cref="IsPfnHidden"/>).
    /// </summary>
    public ulong? Pfn => RawEntry.IsPresent && !RawEntry.IsPfnHidden ? RawEntry.Pfn : null;

    /// <summary><see cref="Pfn"/> in hex.</summary>
    public string? PfnHex => HexText.Of(Pfn);

    /// <summary>Physical address of the byte at <see cref="Address"/>; null like <see cref="Pfn"/>.</summary>
    public ulong? PhysicalAddress => Pfn * MachinePage.SizeBytes + Address % MachinePage.SizeBytes;

    /// <summary><see cref="PhysicalAddress"/> in hex.</summary>
    public string? PhysicalAddressHex => HexText.Of(PhysicalAddress);

    /// <summary>The kernel hid the frame number: the reader lacks CAP_SYS_ADMIN.</summary>
    public bool IsPfnHidden => RawEntry.IsPfnHidden;

    /// <summary>In memory.</summary>
    public bool IsPresent => RawEntry.IsPresent;

    /// <summary>In swap.</summary>
    public bool IsSwapped => RawEntry.IsSwapped;

    /// <summary>A page of a file or of shared anonymous memory.</summary>
    public bool IsFileOrShared => RawEntry.IsFileOrShared;

    /// <summary>
    /// Written since soft-dirty bits were cleared; null on kernels that keep none (CONFIG_MEM_SOFT_DIRTY).
    /// </summary>
    public bool? IsSoftDirty => Known(RawEntry.IsSoftDirty, PageMapSupport.SoftDirty);

    /// <summary>Mapped by this process only; null on kernels that do not report it (before Linux 4.2).</summary>
    public bool? IsExclusive => Known(RawEntry.IsExclusive, PageMapSupport.Exclusive);

    /// <summary>
    /// Write-protected through userfaultfd; null on kernels that do not report it (Linux 5.7 to 5.13).
    /// </summary>
    public bool? IsWriteProtected => Known(RawEntry.IsWriteProtected, PageMapSupport.WriteProtected);

    /// <summary>A guard region: access faults; null on kernels that do not report it (Linux 6.13 and 6.14).</summary>
    public bool? IsGuard => Known(RawEntry.IsGuard, PageMapSupport.Guard);

    /// <summary>The state in words: <c>present,exclusive</c>; <c>empty</c> where the page is not populated.</summary>
    public string State => RawEntry.IsPopulated ? RawEntry.Describe() : "empty";

    /// <summary>
    /// Bytes that one page-table entry maps here: the machine's page, or a huge page; null where the kernel does not
    /// report it (before Linux 6.7) and where nothing is mapped.
    /// </summary>
    public ulong? PageSizeBytes => RawEntry.IsPresent ? _chunk.PageSizeBytes : null;

    /// <summary>Mapped by an entry larger than the machine's page; null like <see cref="PageSizeBytes"/>.</summary>
    public bool? IsHuge => PageSizeBytes > MachinePage.SizeBytes ? true : PageSizeBytes is null ? null : false;

    /// <summary>Names of the frame's flags; null where they were not requested, or there is no frame.</summary>
    public OutputList<string>? Flags => Frame?.Flags;

    /// <summary>The same flags in page-types' letters.</summary>
    public string? Symbol => Frame?.Symbol;

    /// <summary>The frame's flags as <c>/proc/kpageflags</c> has them; null like <see cref="Flags"/>.</summary>
    public ulong? RawFlags => Frame?.RawFlags;

    /// <summary><see cref="RawFlags"/> in hex.</summary>
    public string? RawFlagsHex => HexText.Of(RawFlags);

    /// <summary>How many times the frame is mapped; null where it was not requested, or there is no frame.</summary>
    public ulong? MapCount => Frame?.MapCount;

    /// <summary>Inode of the memory cgroup that is charged for the frame; null like <see cref="MapCount"/>.</summary>
    public ulong? CgroupInode => Frame?.CgroupInode;

    /// <summary>Path of that cgroup in its hierarchy; null where it is not visible.</summary>
    public string? CgroupPath => Frame?.CgroupPath;

    /// <summary>
    /// The NUMA node of the memory that holds the page; null where it was not requested, where the page is not present, and
    /// where the kernel does not report it (<see cref="NodeErrno"/>).
    /// </summary>
    public int? Node => NodeStatus >= 0 ? NodeStatus : null;

    /// <summary>
    /// Why a present page has no <see cref="Node"/>: ENOENT where it was no longer present, EFAULT for the zero page and memory
    /// of devices; null otherwise.
    /// </summary>
    public Errno? NodeErrno => RawEntry.IsPresent && NodeStatus < 0 ? (Errno)(-NodeStatus) : null;

    /// <summary>Number of the swap area; null where the page is not in swap.</summary>
    public int? SwapType => RawEntry.IsSwapped ? RawEntry.SwapType : null;

    /// <summary>Slot in the swap area; null where the page is not in swap.</summary>
    public ulong? SwapOffset => RawEntry.IsSwapped ? RawEntry.SwapOffset : null;

    /// <summary><see cref="SwapOffset"/> in hex.</summary>
    public string? SwapOffsetHex => HexText.Of(SwapOffset);

    /// <summary>The pagemap entry, of a run the first one.</summary>
    public ulong Raw => RawEntry.Raw;

    /// <summary><see cref="Raw"/> in hex.</summary>
    public string RawHex => HexText.Of(Raw);

    /// <summary>Path or name of the mapping that the page belongs to.</summary>
    public string Path => _chunk.Map.Path;

    /// <summary>What the frame tables say; null where they were not read.</summary>
    internal PageFlags? Frame => _chunk.FrameAt(_index);

    /// <summary>The NUMA node, or a negative error number; null where it was not read.</summary>
    internal int? NodeStatus => _chunk.NodeAt(_index);

    private RawPageMapEntry RawEntry => _chunk.EntryAt(_index);

    /// <summary>Returns the entry as the first of a run, without a reference to the chunk that was read with it.</summary>
    internal PageMapEntry AsRun(ulong pageCount) => new(_chunk.Run(_index, pageCount), 0);

    private bool? Known(bool isSet, ulong bit) =>
        isSet ? true : (_chunk.UnknownBits & bit) != 0 ? null : false;

    internal bool IsOfSameMapping(PageMapEntry other) => ReferenceEquals(_chunk.Map, other._chunk.Map);

    /// <summary>Returns address, location and state.</summary>
    public override string ToString() => $"0x{Address:x} {RawEntry.Location} {State}";
}

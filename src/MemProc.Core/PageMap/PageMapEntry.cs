using MemProc.Interop;

namespace MemProc;

/// <summary>
/// What stands behind a virtual page, or behind a run of neighbouring pages of equal state in consecutive frames.
/// </summary>
public sealed class PageMapEntry
{
    private readonly PageMapPiece _piece;
    private readonly int _place;

    internal PageMapEntry(PageMapPiece piece, int place)
    {
        _piece = piece;
        _place = place;
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _piece.Map.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => _piece.Map.ProcessName;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => _piece.Map.ProcessStartTicks;

    /// <summary>Address of the page; where one address was asked for, that very address.</summary>
    public ulong Address => _piece.AddressAt(_place);

    /// <summary>Bytes from <see cref="Address"/> to the end of the page or run.</summary>
    public ulong Length => MachinePage.Floor(Address) + PageCount * MachinePage.SizeBytes - Address;

    /// <summary>Number of pages: 1, or more for a run.</summary>
    public ulong PageCount => _piece.PageCount;

    /// <summary>
    /// The frame that holds the page, the first one of a run; null where no frame does, or where the kernel hid
    /// it (<see cref="IsPfnHidden"/>).
    /// </summary>
    public ulong? Pfn => Word.IsPresent && !Word.IsPfnHidden ? Word.Pfn : null;

    /// <summary>Physical address of the byte at <see cref="Address"/>; null like <see cref="Pfn"/>.</summary>
    public ulong? PhysicalAddress => Pfn * MachinePage.SizeBytes + Address % MachinePage.SizeBytes;

    /// <summary>The kernel hid the frame number: the reader lacks CAP_SYS_ADMIN.</summary>
    public bool IsPfnHidden => Word.IsPfnHidden;

    /// <summary>In memory.</summary>
    public bool IsPresent => Word.IsPresent;

    /// <summary>In swap.</summary>
    public bool IsSwapped => Word.IsSwapped;

    /// <summary>A page of a file or of shared anonymous memory.</summary>
    public bool IsFileOrShared => Word.IsFileOrShared;

    /// <summary>Written since soft-dirty bits were cleared; means nothing on kernels without them.</summary>
    public bool IsSoftDirty => Word.IsSoftDirty;

    /// <summary>Mapped by this process alone.</summary>
    public bool IsExclusive => Word.IsExclusive;

    /// <summary>Write-protected through userfaultfd.</summary>
    public bool IsWriteProtected => Word.IsWriteProtected;

    /// <summary>A guard region: touching it is a fault.</summary>
    public bool IsGuard => Word.IsGuard;

    /// <summary>What holds for the page, in words: <c>present,exclusive</c>; <c>empty</c> where nothing does.</summary>
    public string State => Word.IsPopulated ? Word.Describe() : "empty";

    /// <summary>
    /// Bytes that one entry of the page table maps here: the machine's page, or a huge page; null where the kernel
    /// cannot tell (before Linux 6.7) and where nothing is mapped.
    /// </summary>
    public ulong? PageSizeBytes => Word.IsPresent ? _piece.PageSizeBytes : null;

    /// <summary>Mapped by an entry larger than the machine's page; null like <see cref="PageSizeBytes"/>.</summary>
    public bool? IsHuge => PageSizeBytes > MachinePage.SizeBytes ? true : PageSizeBytes is null ? null : false;

    /// <summary>Names of the frame's flags; null where they were not asked for, or there is no frame.</summary>
    public string[]? Flags => Frame?.Flags;

    /// <summary>The same flags in page-types' letters.</summary>
    public string? Symbol => Frame?.Symbol;

    /// <summary>The frame's word of <c>/proc/kpageflags</c>; null like <see cref="Flags"/>.</summary>
    public ulong? RawFlags => Frame?.RawFlags;

    /// <summary>How many times the frame is mapped; null where it was not asked for, or there is no frame.</summary>
    public ulong? MapCount => Frame?.MapCount;

    /// <summary>Inode of the memory cgroup that pays for the frame; null like <see cref="MapCount"/>.</summary>
    public ulong? CgroupInode => Frame?.CgroupInode;

    /// <summary>Path of that cgroup in its hierarchy; null where it is not in sight.</summary>
    public string? CgroupPath => Frame?.CgroupPath;

    /// <summary>Which swap area; null where the page is not in swap.</summary>
    public int? SwapType => Word.IsSwapped ? Word.SwapType : null;

    /// <summary>Which slot of the swap area; null where the page is not in swap.</summary>
    public ulong? SwapOffset => Word.IsSwapped ? Word.SwapOffset : null;

    /// <summary>The word of pagemap, of a run's first page.</summary>
    public ulong Raw => Word.Raw;

    /// <summary>Path or name of the mapping that the page belongs to.</summary>
    public string Path => _piece.Map.Path;

    /// <summary>What the frame's tables say; null where they were not asked.</summary>
    internal PageFlags? Frame => _piece.FrameAt(_place);

    private PageMapWord Word => _piece.WordAt(_place);

    /// <summary>The same entry as the first of a run. It does not keep in memory what was read with it.</summary>
    internal PageMapEntry AsRun(ulong pageCount) => new(_piece.Run(_place, pageCount), 0);

    internal bool IsOfSameMapping(PageMapEntry other) => ReferenceEquals(_piece.Map, other._piece.Map);
}

using MemProc.Interop;

namespace MemProc;

/// <summary>A page frame as the kernel's struct page describes it: what it is used for, and whom it belongs to.</summary>
public sealed class PageFrame
{
    private readonly PageFrameContext _context;
    private readonly FrameState _state;
    private readonly FrameOwner _owner;
    private readonly KernelPageFlagSet? _shown;
    private readonly byte _migrateType;

    internal PageFrame(
        PageFrameContext context, ulong pfn, in FrameSample sample, in FrameOwner owner, KernelPageFlagSet? shown,
        byte migrateType)
    {
        _context = context;
        _state = sample.State;
        _owner = owner;
        _shown = shown;
        _migrateType = migrateType;
        Pfn = pfn;
        HeadPfn = sample.HeadPfn;
        MapCount = sample.OwnMapCount + sample.State.EntireMapCount;
    }

    internal ref readonly FrameState State => ref _state;

    internal ref readonly FrameOwner Owner => ref _owner;

    /// <summary>The frame number.</summary>
    public ulong Pfn { get; }

    /// <summary><see cref="Pfn"/> in hex.</summary>
    public string PfnHex => HexText.Of(Pfn);

    /// <summary>Physical address of the frame.</summary>
    public ulong PhysicalAddress => Pfn * MachinePage.SizeBytes;

    /// <summary><see cref="PhysicalAddress"/> in hex.</summary>
    public string PhysicalAddressHex => HexText.Of(PhysicalAddress);

    /// <summary>The kernel's address of its struct page.</summary>
    public ulong StructPageAddress => _context.Decoder.Vmemmap.AddressOf(Pfn);

    /// <summary><see cref="StructPageAddress"/> in hex.</summary>
    public string StructPageAddressHex => HexText.Of(StructPageAddress);

    /// <summary>What it is used for.</summary>
    public PageFrameKind Kind => _state.Kind;

    /// <summary>
    /// Binary logarithm of the number of frames of its folio or free block; null where the size is not known.
    /// </summary>
    public int? Order => _state.Order < 0 ? null : _state.Order;

    /// <summary>The first frame of its folio or free block.</summary>
    public ulong HeadPfn { get; }

    /// <summary><see cref="HeadPfn"/> in hex.</summary>
    public string HeadPfnHex => HexText.Of(HeadPfn);

    /// <summary>Size of its folio or free block in bytes; null where it is not known.</summary>
    public ulong? FolioSizeBytes => _state.Order < 0 ? null : MachinePage.SizeBytes << _state.Order;

    /// <summary>References to its folio (<c>_refcount</c>).</summary>
    public int RefCount => _state.RefCount;

    /// <summary>
    /// How many times the frame is mapped, by itself and as part of its folio, as <c>/proc/kpagecount</c> counts.
    /// </summary>
    public int MapCount { get; }

    /// <summary>Names of the kernel's own flags of its folio (<c>enum pageflags</c>), lowest bit first.</summary>
    public OutputList<string> KernelFlags => _context.Layout.Flags.Of(_state.Flags);

    /// <summary>page.flags of its folio, all bits: flags, zone, node.</summary>
    public ulong KernelFlagSet => _state.Flags;

    /// <summary><see cref="KernelFlagSet"/> in hex.</summary>
    public string KernelFlagSetHex => HexText.Of(KernelFlagSet);

    /// <summary>Names of the flags that <c>/proc/kpageflags</c> has for the frame; empty where this user may not read it.</summary>
    public OutputList<string> Flags => _shown?.Names ?? [];

    /// <summary>The same flags as bits; null where this user may not read them.</summary>
    public ulong? RawFlags => _shown?.Raw;

    /// <summary><see cref="RawFlags"/> in hex.</summary>
    public string? RawFlagsHex => HexText.Of(RawFlags);

    /// <summary>
    /// Path of the file: from the root of this process where its file system is mounted there, otherwise from the root of the
    /// file system. Null where the frame belongs to no file, and for files without a name.
    /// </summary>
    public string? Path => _owner.File?.Path;

    /// <summary>The name of the file has been removed; null where the frame belongs to no file.</summary>
    public bool? IsDeleted => _owner.File?.IsDeleted;

    /// <summary>The path begins at the root of this process; null where there is no path.</summary>
    public bool? IsMounted => _owner.File?.Path is null ? null : _owner.File.IsMounted;

    /// <summary>Type of the file's file system: ext4, tmpfs; null where the frame belongs to no file.</summary>
    public string? FileSystem => _owner.File?.FileSystem;

    /// <summary>Device of the file system, <c>major:minor</c> in hex; null where the frame belongs to no file.</summary>
    public string? Device => _owner.File?.Device;

    /// <summary>Inode of the file; null where the frame belongs to no file.</summary>
    public ulong? Inode => _owner.File?.Inode;

    /// <summary>Offset in the file, bytes; null where the frame belongs to no file.</summary>
    public ulong? Offset => _owner.File is null ? null : Index * MachinePage.SizeBytes;

    /// <summary><see cref="Offset"/> in hex.</summary>
    public string? OffsetHex => HexText.Of(Offset);

    /// <summary>
    /// page.index of the frame: the page of the file, or of anonymous memory the number that its address had when it was
    /// mapped; null for others.
    /// </summary>
    public ulong? Index => Kind is PageFrameKind.Anonymous or PageFrameKind.Ksm or PageFrameKind.File
        or PageFrameKind.SharedMemory || (Kind == PageFrameKind.HugeTlb && _state.Owner != 0)
        ? PageFrameContext.IndexOf(_state) + (Pfn - HeadPfn)
        : null;

    /// <summary>Address of the anon_vma of anonymous memory, or of the node of a page of KSM; null for others.</summary>
    public ulong? AnonVmaAddress => Kind is PageFrameKind.Anonymous or PageFrameKind.Ksm ? _state.Owner
        : Kind == PageFrameKind.HugeTlb && (_state.Owner & 1) != 0 ? _state.Owner & ~3UL
        : null;

    /// <summary><see cref="AnonVmaAddress"/> in hex.</summary>
    public string? AnonVmaAddressHex => HexText.Of(AnonVmaAddress);

    /// <summary>Address of the address_space of a file; null for others.</summary>
    public ulong? MappingAddress => Kind is PageFrameKind.File or PageFrameKind.SharedMemory
        || (Kind == PageFrameKind.HugeTlb && _state.Owner != 0 && (_state.Owner & 1) == 0)
        ? _state.Owner
        : null;

    /// <summary><see cref="MappingAddress"/> in hex.</summary>
    public string? MappingAddressHex => HexText.Of(MappingAddress);

    /// <summary>Name of the slab cache; null where the frame belongs to none.</summary>
    public string? Slab => _owner.Slab?.Name;

    /// <summary>Bytes of an object of the slab cache; null where the frame belongs to none.</summary>
    public int? ObjectSizeBytes => _owner.Slab?.ObjectSizeBytes;

    /// <summary>
    /// Inode of the memory cgroup that is charged for the frame; null where none is, and for slabs, whose objects are charged
    /// one by one.
    /// </summary>
    public ulong? CgroupInode => _owner.Cgroup?.Inode;

    /// <summary>Path of that cgroup in its hierarchy; null where its folder is not visible, and where none is charged.</summary>
    public string? CgroupPath => _owner.Cgroup?.Path;

    /// <summary>NUMA node; null if this kernel's layout of page.flags is not known.</summary>
    public int? Node => _context.Decoder.Zones.Decode(_state.Flags)?.Node;

    /// <summary>Zone: DMA, DMA32, Normal, Movable, Device; null like <see cref="Node"/>.</summary>
    public string? Zone => _context.Decoder.Zones.Decode(_state.Flags) is (_, int zone)
        ? _context.Decoder.Zones.NameOf(zone)
        : null;

    /// <summary>
    /// What its block of memory is reserved for: Unmovable, Movable, Reclaimable, HighAtomic, CMA, Isolate; null where the
    /// kernel does not show where it keeps that.
    /// </summary>
    public string? MigrateType => _context.Layout.MigrateTypeNames.ElementAtOrDefault(_migrateType);

    /// <summary>Returns the frame and what it is used for.</summary>
    public override string ToString() => $"0x{Pfn:x} {Kind}";
}

/// <summary>What all frames of a read have in common.</summary>
/// <param name="Decoder">Decodes struct pages.</param>
/// <param name="Layout">The kernel's names and numbers.</param>
internal sealed record PageFrameContext(FrameDecoder Decoder, FrameLayout Layout)
{
    /// <summary>Until Linux 6.6 the index of huge pages of hugetlb counts huge pages.</summary>
    private static readonly bool IsHugeIndex = Environment.OSVersion.Version < new Version(6, 7);

    /// <summary>Returns page.index in pages.</summary>
    public static ulong IndexOf(in FrameState state) =>
        IsHugeIndex && state is { Kind: PageFrameKind.HugeTlb, Order: > 0 } ? state.Index << state.Order : state.Index;
}

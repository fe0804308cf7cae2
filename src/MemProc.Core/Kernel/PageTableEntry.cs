namespace MemProc;

/// <summary>An entry of a process' page table, on the way from the root to a page.</summary>
public sealed class PageTableEntry : ProcessOutput
{
    private readonly PageTableContext _context;
    private readonly int _level;

    internal PageTableEntry(PageTableContext context, ulong address, in PageTableStep step)
    {
        _context = context;
        _level = step.Level;
        Address = address;
        TableAddress = step.TableAddress;
        Entry = step.Entry;
    }

    internal override ProcessIdentity Process => _context.Identity;

    /// <summary>The address of the process that was looked up.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>The level of its table.</summary>
    public PageTableLevel Level => _context.Format.NameOf(_level);

    /// <summary>The kernel's address of its table.</summary>
    public ulong TableAddress { get; }

    /// <summary><see cref="TableAddress"/> in hex.</summary>
    public string TableAddressHex => HexText.Of(TableAddress);

    /// <summary>Its index in the table, from 0.</summary>
    public int Index => _context.Format.IndexOf(Address, _level);

    /// <summary>Its offset in the table, bytes.</summary>
    public int IndexBytes => Index * PageTableFormat.EntryBytes;

    /// <summary>The kernel's address of the entry.</summary>
    public ulong EntryAddress => TableAddress + (ulong)IndexBytes;

    /// <summary><see cref="EntryAddress"/> in hex.</summary>
    public string EntryAddressHex => HexText.Of(EntryAddress);

    /// <summary>The 64 bits of the entry.</summary>
    public ulong Entry { get; }

    /// <summary><see cref="Entry"/> in hex.</summary>
    public string EntryHex => HexText.Of(Entry);

    /// <summary>It points to a table or to a page.</summary>
    public bool IsPresent => Bits.IsPresent;

    /// <summary>It is the last entry of the walk: it maps a page, or records what became of the page.</summary>
    public bool IsLeaf => Bits.IsLeaf;

    /// <summary>
    /// Physical address that it points to: for a leaf that of the address that was looked up, otherwise that of the next
    /// table; null if it is not present.
    /// </summary>
    public ulong? PhysicalAddress => Bits switch
    {
        { IsPresent: false } => null,
        { IsLeaf: true } leaf => leaf.PhysicalAddress + (Address & (CoveredBytes - 1)),
        var table => table.PhysicalAddress,
    };

    /// <summary><see cref="PhysicalAddress"/> in hex.</summary>
    public string? PhysicalAddressHex => HexText.Of(PhysicalAddress);

    /// <summary>Frame number of <see cref="PhysicalAddress"/>.</summary>
    public ulong? Pfn => PhysicalAddress / MachinePage.SizeBytes;

    /// <summary><see cref="Pfn"/> in hex.</summary>
    public string? PfnHex => HexText.Of(Pfn);

    /// <summary>The bits of an entry that are a physical address: PTE_PFN_MASK of x86.</summary>
    public ulong FrameMask => _context.Format.AddressBits;

    /// <summary><see cref="FrameMask"/> in hex.</summary>
    public string FrameMaskHex => HexText.Of(FrameMask);

    /// <summary>
    /// Physical address of the frame or table that it points to; null if it is not present. Of a large page it is the first
    /// byte.
    /// </summary>
    public ulong? FrameAddress => Bits.IsPresent ? Bits.PhysicalAddress : null;

    /// <summary><see cref="FrameAddress"/> in hex.</summary>
    public string? FrameAddressHex => HexText.Of(FrameAddress);

    /// <summary>
    /// The kernel's address of what it points to, in the direct map: of a table <see cref="TableAddress"/> of the next entry,
    /// of a page where the kernel sees its bytes (<c>page_address</c>). Null if it is not present.
    /// </summary>
    public ulong? FrameKernelAddress => _context.DirectMap + FrameAddress;

    /// <summary><see cref="FrameKernelAddress"/> in hex.</summary>
    public string? FrameKernelAddressHex => HexText.Of(FrameKernelAddress);

    /// <summary>
    /// The kernel's address of the struct page of the frame of <see cref="PhysicalAddress"/>; null if it is not a leaf or not
    /// present, or where struct pages were not found.
    /// </summary>
    public ulong? StructPageAddress => Bits is { IsPresent: true, IsLeaf: true } && Pfn is ulong pfn
        ? _context.Vmemmap?.AddressOf(pfn)
        : null;

    /// <summary><see cref="StructPageAddress"/> in hex.</summary>
    public string? StructPageAddressHex => HexText.Of(StructPageAddress);

    /// <summary>Bytes of address space that an entry of this level covers.</summary>
    public ulong CoveredBytes => _context.Format.BytesOf(_level);

    /// <summary>Size of the page that it maps, bytes; null if it is not a leaf or not present.</summary>
    public ulong? PageSizeBytes => Bits is { IsPresent: true, IsLeaf: true } ? CoveredBytes : null;

    /// <summary>The bits that are set, by the names of the processor and the kernel: P, RW, US, A, D, NX…</summary>
    public OutputList<string> Flags => _context.Format.FlagNames(Entry, _level);

    /// <summary>The page may be written; null if the entry does not record it.</summary>
    public bool? IsWritable => TestTrait(PageTableTrait.Writable);

    /// <summary>User code may access it, not only the kernel; null if the entry does not record it.</summary>
    public bool? IsUser => TestTrait(PageTableTrait.User);

    /// <summary>The processor has used it since the bit was cleared; null if the entry does not record it.</summary>
    public bool? IsAccessed => TestTrait(PageTableTrait.Accessed);

    /// <summary>The page was written to; null if the entry is not a leaf.</summary>
    public bool? IsDirty => TestTrait(PageTableTrait.Dirty);

    /// <summary>It is valid in every address space; null if the entry is not a leaf.</summary>
    public bool? IsGlobal => TestTrait(PageTableTrait.Global);

    /// <summary>User code may not execute the page; null if the entry does not record it.</summary>
    public bool? IsNoExecute => TestTrait(PageTableTrait.NoExecute);

    /// <summary>
    /// Written since soft-dirty bits were cleared; null if the entry does not record it, and on kernels that keep no
    /// soft-dirty bits (CONFIG_MEM_SOFT_DIRTY).
    /// </summary>
    public bool? IsSoftDirty => _context.KeepsSoftDirty ? TestTrait(PageTableTrait.SoftDirty) : null;

    /// <summary>Write-protected through userfaultfd; null if the entry does not record it.</summary>
    public bool? IsWriteProtected => TestTrait(PageTableTrait.WriteProtected);

    /// <summary>Protection key of x86; null on other processors, and if the entry is not a leaf.</summary>
    public byte? ProtectionKey => Bits.ProtectionKey;

    /// <summary>Swap area of an entry that is not present, or another use of that number; otherwise null.</summary>
    public uint? SwapType => Bits is { IsSwapEntry: true } bits ? bits.SwapType : null;

    /// <summary>Slot in the swap area of an entry that is not present; otherwise null.</summary>
    public ulong? SwapOffset => Bits is { IsSwapEntry: true } bits ? bits.SwapOffset : null;

    /// <summary><see cref="SwapOffset"/> in hex.</summary>
    public string? SwapOffsetHex => HexText.Of(SwapOffset);

    /// <summary>The first address after those that the entry covers.</summary>
    internal ulong CoveredEnd => (Address & ~(CoveredBytes - 1)) + CoveredBytes;

    private PageTableBits Bits => _context.Format.Decode(Entry, _level);

    private bool? TestTrait(PageTableTrait trait) => _context.Format.TestTrait(Entry, _level, trait);

    /// <summary>Returns level, index and entry.</summary>
    public override string ToString() => $"{Level}[{Index}] 0x{Entry:x} {string.Join(',', Flags)}";
}

/// <summary>What all entries of a process' page table have in common.</summary>
/// <param name="Identity">The process.</param>
/// <param name="Format">The layout of its tables.</param>
/// <param name="KeepsSoftDirty">The kernel keeps soft-dirty bits.</param>
/// <param name="DirectMap">The kernel's address of physical address 0.</param>
/// <param name="Vmemmap">Where struct pages are; null where that could not be found.</param>
internal sealed record PageTableContext(
    ProcessIdentity Identity, PageTableFormat Format, bool KeepsSoftDirty, ulong DirectMap, KernelVmemmap? Vmemmap);

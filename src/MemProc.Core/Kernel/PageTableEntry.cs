namespace MemProc;

/// <summary>An entry of a process' page table, one of those between its root and a page.</summary>
public sealed class PageTableEntry
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

    /// <summary>The process id.</summary>
    public int ProcessId => _context.Identity.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => _context.Identity.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => _context.Identity.StartTicks;

    /// <summary>The address of the process that was looked up.</summary>
    public ulong Address { get; }

    /// <summary>The level of its table.</summary>
    public PageTableLevel Level => _context.Format.NameOf(_level);

    /// <summary>The kernel's address of its table.</summary>
    public ulong TableAddress { get; }

    /// <summary>Its place in the table, from 0.</summary>
    public int Index => _context.Format.IndexOf(Address, _level);

    /// <summary>Its offset in the table, bytes.</summary>
    public int IndexBytes => Index * PageTableFormat.EntryBytes;

    /// <summary>The kernel's address of the entry.</summary>
    public ulong EntryAddress => TableAddress + (ulong)IndexBytes;

    /// <summary>Its 64 bits.</summary>
    public ulong Entry { get; }

    /// <summary>It leads on, to a table or to memory.</summary>
    public bool IsPresent => Bits.IsPresent;

    /// <summary>It is the last one: behind it stands memory, or what became of it.</summary>
    public bool IsLeaf => Bits.IsLeaf;

    /// <summary>
    /// Physical address of what it leads to: of the address that was looked up where it is a leaf, else of the next table;
    /// null where it leads nowhere.
    /// </summary>
    public ulong? PhysicalAddress => Bits switch
    {
        { IsPresent: false } => null,
        { IsLeaf: true } leaf => leaf.PhysicalAddress + (Address & (CoveredBytes - 1)),
        var table => table.PhysicalAddress,
    };

    /// <summary>The frame of <see cref="PhysicalAddress"/>.</summary>
    public ulong? Pfn => PhysicalAddress / MachinePage.SizeBytes;

    /// <summary>Bytes of the process' address space that an entry of this level stands for.</summary>
    public ulong CoveredBytes => _context.Format.BytesOf(_level);

    /// <summary>Bytes of the page behind it; null where it is no leaf or leads nowhere.</summary>
    public ulong? PageSizeBytes => Bits is { IsPresent: true, IsLeaf: true } ? CoveredBytes : null;

    /// <summary>The bits that are set, by the names of the processor and the kernel: P, RW, US, A, D, NX…</summary>
    public IReadOnlyList<string> Flags => _context.Format.NamesOf(Entry, _level);

    /// <summary>May be written; null where the entry does not tell.</summary>
    public bool? IsWritable => Says(PageTableTrait.Writable);

    /// <summary>Programs may use it, not only the kernel; null where the entry does not tell.</summary>
    public bool? IsUser => Says(PageTableTrait.User);

    /// <summary>The processor has used it since somebody looked; null where the entry does not tell.</summary>
    public bool? IsAccessed => Says(PageTableTrait.Accessed);

    /// <summary>The page was written to; null where it is no leaf.</summary>
    public bool? IsDirty => Says(PageTableTrait.Dirty);

    /// <summary>It holds in every address space; null where it is no leaf.</summary>
    public bool? IsGlobal => Says(PageTableTrait.Global);

    /// <summary>May not be executed by programs.</summary>
    public bool? IsNoExecute => Says(PageTableTrait.NoExecute);

    /// <summary>
    /// The soft-dirty bit, which a kernel without CONFIG_MEM_SOFT_DIRTY never sets; null where the entry does not tell.
    /// </summary>
    public bool? IsSoftDirty => Says(PageTableTrait.SoftDirty);

    /// <summary>Write-protected through userfaultfd; null where the entry does not tell.</summary>
    public bool? IsWriteProtected => Says(PageTableTrait.WriteProtected);

    /// <summary>Protection key of x86; null elsewhere, and where it is no leaf.</summary>
    public byte? ProtectionKey => Bits.ProtectionKey;

    /// <summary>Of an entry that is not present: which swap area, or another use of that number; else null.</summary>
    public uint? SwapType => Bits is { IsSwapEntry: true } bits ? bits.SwapType : null;

    /// <summary>Of an entry that is not present: where in the swap area; else null.</summary>
    public ulong? SwapOffset => Bits is { IsSwapEntry: true } bits ? bits.SwapOffset : null;

    /// <summary>The first address behind those that the entry stands for.</summary>
    internal ulong CoveredEnd => (Address & ~(CoveredBytes - 1)) + CoveredBytes;

    private PageTableBits Bits => _context.Format.Decode(Entry, _level);

    private bool? Says(PageTableTrait trait) => _context.Format.Says(Entry, _level, trait);
}

namespace MemProc;

/// <summary>An entry of a process' page table, one of those between its root and a page.</summary>
public sealed class PageTableEntry
{
    private readonly ProcessIdentity _process;
    private readonly PageTableStep _step;

    internal PageTableEntry(ProcessIdentity process, ulong address, in PageTableStep step)
    {
        _process = process;
        _step = step;
        Address = address;
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _process.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => _process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => _process.StartTicks;

    /// <summary>The address of the process that was looked up.</summary>
    public ulong Address { get; }

    /// <summary>The level of its table.</summary>
    public PageTableLevel Level => _step.Level;

    /// <summary>The kernel's address of its table.</summary>
    public ulong TableAddress => _step.TableAddress;

    /// <summary>Its place in the table, from 0.</summary>
    public int Index => _step.Index;

    /// <summary>Its offset in the table, bytes.</summary>
    public int IndexBytes => _step.Index * PageTableFormat.EntryBytes;

    /// <summary>The kernel's address of the entry.</summary>
    public ulong EntryAddress => TableAddress + (ulong)IndexBytes;

    /// <summary>Its 64 bits.</summary>
    public ulong Entry => _step.Entry;

    /// <summary>It leads on, to a table or to memory.</summary>
    public bool IsPresent => _step.Bits.IsPresent;

    /// <summary>It is the last one: behind it stands memory, or nothing.</summary>
    public bool IsLeaf => _step.Bits.IsLeaf;

    /// <summary>
    /// Physical address of what it leads to: of the address that was looked up where it is a leaf, else of the next table;
    /// null where it leads nowhere.
    /// </summary>
    public ulong? PhysicalAddress => !IsPresent ? null
        : IsLeaf ? _step.Bits.PhysicalAddress + (Address & (_step.SizeBytes - 1))
        : _step.Bits.PhysicalAddress;

    /// <summary>The frame of <see cref="PhysicalAddress"/>.</summary>
    public ulong? Pfn => PhysicalAddress / MachinePage.SizeBytes;

    /// <summary>Bytes of memory that an entry of this level stands for.</summary>
    public ulong SizeBytes => _step.SizeBytes;

    /// <summary>Bytes of the page behind it; null where it is no leaf or leads nowhere.</summary>
    public ulong? PageSizeBytes => IsPresent && IsLeaf ? _step.SizeBytes : null;

    /// <summary>The bits that are set, by the names of the processor and the kernel: P, RW, US, A, D, NX…</summary>
    public IReadOnlyList<string> Flags => _step.Bits.Names;

    /// <summary>May be written; null where the processor tells it in another way.</summary>
    public bool? IsWritable => !IsPresent ? null : Has("VALID") ? !Has("RDONLY") : Has("RW");

    /// <summary>Programs may use it, not only the kernel.</summary>
    public bool? IsUser => IsPresent ? Has("US") || Has("USER") : null;

    /// <summary>The processor has used it since somebody looked.</summary>
    public bool? IsAccessed => IsPresent ? Has("A") || Has("AF") : null;

    /// <summary>The page was written to; null where it is no leaf.</summary>
    public bool? IsDirty => IsPresent && IsLeaf ? Has("D") || Has("DIRTY") || Has("SavedDirty") : null;

    /// <summary>It holds in every address space; null where it is no leaf.</summary>
    public bool? IsGlobal => !IsPresent || !IsLeaf ? null : Has("VALID") ? !Has("nG") : Has("G");

    /// <summary>May not be executed by programs.</summary>
    public bool? IsNoExecute => IsPresent ? Has("NX") || Has("UXN") || Has("UXNTable") : null;

    /// <summary>Written to since soft-dirty bits were cleared; null where the entry does not tell.</summary>
    public bool? IsSoftDirty => IsPresent && IsLeaf && !Has("VALID") ? Has("SoftDirty") : null;

    /// <summary>Write-protected through userfaultfd; null where the entry does not tell.</summary>
    public bool? IsWriteProtected => IsPresent && IsLeaf && !Has("VALID") ? Has("UffdWp") : null;

    /// <summary>Protection key of x86; null elsewhere, and where it is no leaf.</summary>
    public byte? ProtectionKey => _step.Bits.ProtectionKey;

    /// <summary>Of an entry that is not present: which swap area, or another use of that number; else null.</summary>
    public uint? SwapType => _step.Bits.IsSwapEntry ? _step.Bits.SwapType : null;

    /// <summary>Of an entry that is not present: where in the swap area; else null.</summary>
    public ulong? SwapOffset => _step.Bits.IsSwapEntry ? _step.Bits.SwapOffset : null;

    private bool Has(string flag) => _step.Bits.Names.Contains(flag);
}

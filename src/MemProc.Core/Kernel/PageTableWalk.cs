namespace MemProc;

/// <summary>The result of a page table walk to one address: the last entry.</summary>
public sealed class PageTableWalk : ProcessOutput
{
    private readonly PageTableEntry _last;

    internal PageTableWalk(PageTableEntry last) => _last = last;

    internal override ProcessIdentity Process => _last.Process;

    /// <inheritdoc cref="PageTableEntry.Address"/>
    public ulong Address => _last.Address;

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>The level at which the walk ended.</summary>
    public PageTableLevel Level => _last.Level;

    /// <summary>A page is mapped at the address.</summary>
    public bool IsPresent => _last.IsPresent;

    /// <summary>The last entry.</summary>
    public ulong Entry => _last.Entry;

    /// <summary><see cref="Entry"/> in hex.</summary>
    public string EntryHex => HexText.Of(Entry);

    /// <summary>Physical address of the byte; null if no page is mapped.</summary>
    public ulong? PhysicalAddress => _last.PhysicalAddress;

    /// <summary><see cref="PhysicalAddress"/> in hex.</summary>
    public string? PhysicalAddressHex => HexText.Of(PhysicalAddress);

    /// <summary>Frame number; null if no page is mapped.</summary>
    public ulong? Pfn => _last.Pfn;

    /// <summary><see cref="Pfn"/> in hex.</summary>
    public string? PfnHex => HexText.Of(Pfn);

    /// <summary>Size of the page, bytes; null if no page is mapped.</summary>
    public ulong? PageSizeBytes => _last.PageSizeBytes;

    /// <summary>The bits that are set in the last entry.</summary>
    public OutputList<string> Flags => _last.Flags;

    /// <inheritdoc cref="PageTableEntry.SwapType"/>
    public uint? SwapType => _last.SwapType;

    /// <inheritdoc cref="PageTableEntry.SwapOffset"/>
    public ulong? SwapOffset => _last.SwapOffset;

    /// <summary><see cref="SwapOffset"/> in hex.</summary>
    public string? SwapOffsetHex => HexText.Of(SwapOffset);

    /// <inheritdoc cref="PageTableEntry.CoveredBytes"/>
    public ulong CoveredBytes => _last.CoveredBytes;

    internal ulong CoveredEnd => _last.CoveredEnd;

    /// <summary>Returns the last entry of the walk.</summary>
    public override string ToString() => _last.ToString();
}

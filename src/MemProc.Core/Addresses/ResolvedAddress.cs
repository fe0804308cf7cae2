using MemProc.Interop;

namespace MemProc;

/// <summary>What stands at an address of a process: mapping, file, section, symbol, page.</summary>
public sealed class ResolvedAddress
{
    private readonly ResolvedPlace _place;
    private readonly NamedPlace? _symbol;
    private readonly PageMapWord _page;

    internal ResolvedAddress(
        ulong address, ResolvedPlace place, NamedPlace? symbol, PageMapWord page, string[]? flags)
    {
        Address = address;
        _place = place;
        _symbol = symbol;
        _page = page;
        Flags = flags;
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _place.Map.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => _place.Map.ProcessName;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => _place.Map.ProcessStartTicks;

    /// <summary>The address.</summary>
    public ulong Address { get; }

    /// <summary>First address of the mapping.</summary>
    public ulong MapStart => _place.Map.Start;

    /// <summary>First address behind the mapping.</summary>
    public ulong MapEnd => _place.Map.End;

    /// <summary>The mapping's permissions: <c>r-xp</c>.</summary>
    public string Permissions => _place.Map.Permissions;

    /// <summary>What the mapping is.</summary>
    public ProcMapKind Kind => _place.Map.Kind;

    /// <summary>Path or name of the mapping; empty for anonymous memory.</summary>
    public string Path => _place.Map.Path;

    /// <summary>The file's name is gone.</summary>
    public bool IsDeleted => _place.Map.IsDeleted;

    /// <summary>Another file has that path by now: what lies on the disk is not what is mapped.</summary>
    public bool IsReplaced => _place.IsReplaced;

    /// <summary>Bytes from the start of the mapping.</summary>
    public ulong MappingOffset => Address - _place.Map.Start;

    /// <summary>Bytes from the start of the file; null where no file is mapped.</summary>
    public ulong? FileOffset => _place.Image is null || Kind == ProcMapKind.Vdso ? null : MappingOffset + _place.Map.Offset;

    /// <summary>Name of the mapped file, or <c>[vdso]</c>; null where none is mapped.</summary>
    public string? Module => _place.Image?.File.Name;

    /// <summary>Where the file is loaded: its first address; null where none is.</summary>
    public ulong? ModuleStart => _place.Image?.Start;

    /// <summary>Bytes from there: <c>Module+ModuleOffset</c> is an expression for the address.</summary>
    public ulong? ModuleOffset => Address - ModuleStart;

    /// <summary>The address in the image, as nm, objdump and addr2line count; null where no image is loaded.</summary>
    public ulong? ImageAddress => _place.Image?.ImageAddressOf(Address);

    /// <summary>The ELF section; null where there is none, or the image has no section headers.</summary>
    public string? Section => _place.Section;

    /// <summary>The symbol that holds the address, as it is stored; null where none does.</summary>
    public string? Symbol => _symbol?.Name;

    /// <summary>The symbol as C++ programmers wrote it; null where it is none of theirs.</summary>
    public string? DemangledSymbol => _symbol?.Demangled;

    /// <summary>Bytes from the start of the symbol.</summary>
    public ulong? SymbolOffset =>
        _symbol is null ? null : (_symbol.Origin == SymbolOrigin.PerfMap ? Address : ImageAddress) - _symbol.Start;

    /// <summary>Where the symbol comes from.</summary>
    public SymbolOrigin? SymbolSource => _symbol?.Origin;

    /// <summary>The page is in memory; null where the page table was not or cannot be read.</summary>
    public bool? IsPresent => _place.HasPages ? _page.IsPresent : null;

    /// <summary>The kernel hid the frame number: the reader lacks CAP_SYS_ADMIN.</summary>
    public bool IsPfnHidden => _page.IsPfnHidden;

    /// <summary>The frame that holds the page; null where none does, or where it is hidden.</summary>
    public ulong? Pfn => _page is { IsPresent: true, IsPfnHidden: false } ? _page.Pfn : null;

    /// <summary>Physical address of the byte; null like <see cref="Pfn"/>.</summary>
    public ulong? PhysicalAddress => Pfn * MachinePage.SizeBytes + Address % MachinePage.SizeBytes;

    /// <summary>Names of the frame's flags; null where they were not asked for, or there is no frame.</summary>
    public string[]? Flags { get; }

    /// <summary>The thread whose stack it is; null where it is none, or that of a thread that ran just then.</summary>
    public int? ThreadId => _place.ThreadId;

    /// <summary>Index in the root of the page table; eight times that is the offset in bytes.</summary>
    public int? PgdIndex => _place.PageTables.IndexOf(Address, PageTableLevel.PGD);

    /// <summary>Index in the table below, with five levels only.</summary>
    public int? P4dIndex => _place.PageTables.IndexOf(Address, PageTableLevel.P4D);

    /// <summary>Index in the page upper directory.</summary>
    public int? PudIndex => _place.PageTables.IndexOf(Address, PageTableLevel.PUD);

    /// <summary>Index in the page middle directory.</summary>
    public int? PmdIndex => _place.PageTables.IndexOf(Address, PageTableLevel.PMD);

    /// <summary>Index in the table of page table entries.</summary>
    public int? PteIndex => _place.PageTables.IndexOf(Address, PageTableLevel.PTE);

    /// <summary>
    /// The address in words: <c>libc.so.6!malloc+0x12</c>, C++ names as they are written; without a symbol
    /// <c>libc.so.6+0x1234</c>, <c>[heap]+0x10</c>, or start and offset of the mapping.
    /// </summary>
    public string Location => _symbol is null ? Expression
        : $"{(Module is null || _symbol.Origin == SymbolOrigin.PerfMap ? string.Empty : $"{Module}!")}"
            + $"{DemangledSymbol ?? _symbol.Name}{Offset(SymbolOffset!.Value)}";

    /// <summary>The address as an expression that -Address takes.</summary>
    public string Expression => _symbol is not null && _symbol.Origin != SymbolOrigin.PerfMap && _place.NameInExpression is string file
        ? $"{AddressParser.Quote(file)}!{AddressParser.QuoteSymbol(_symbol.Name)}{Offset(SymbolOffset!.Value)}"
        : _place.NameInExpression is string name ? $"{AddressParser.Quote(name)}{Offset(ModuleOffset!.Value)}"
        : Path.StartsWith('[') ? $"{Path}{Offset(MappingOffset)}"
        : $"0x{MapStart:x}{Offset(MappingOffset)}";

    /// <summary>Address and what it is called.</summary>
    public override string ToString() => SafeText.Escape($"0x{Address:x} {Location}");

    private static string Offset(ulong bytes) => bytes == 0 ? string.Empty : $"+0x{bytes:x}";
}

/// <summary>
/// What the addresses of one section of a mapping have in common, so that each of them is small: there can be millions.
/// </summary>
/// <param name="map">The mapping.</param>
/// <param name="image">The place of the file; null where no file is mapped.</param>
/// <param name="nameInExpression">What an expression calls that place; null where no name leads there alone.</param>
/// <param name="section">The ELF section; null where there is none.</param>
/// <param name="threadId">The thread whose stack is in the mapping; null where there is none, or several.</param>
/// <param name="hasPages">The page table was read.</param>
/// <param name="pageTables">The geometry of the machine's page tables.</param>
internal sealed class ResolvedPlace(
    ProcMap map, MappedImage? image, string? nameInExpression, ElfSection? section, int? threadId, bool hasPages,
    PageTableGeometry pageTables)
{
    public ProcMap Map { get; } = map;

    public MappedImage? Image { get; } = image;

    public string? NameInExpression { get; } = nameInExpression;

    /// <summary>Another file has the path now. It is checked at once, since only an open process can be asked.</summary>
    public bool IsReplaced { get; } = image?.File.IsReplaced == true;

    public string? Section { get; } = section?.Name;

    public int? ThreadId { get; } = threadId;

    public bool HasPages { get; } = hasPages;

    public PageTableGeometry PageTables { get; } = pageTables;
}

using MemProc.Interop;

namespace MemProc;

/// <summary>What an address of a process belongs to: mapping, file, section, symbol, page.</summary>
public sealed class ResolvedAddress : ProcessOutput
{
    private readonly AddressContext _context;
    private readonly ResolvedSymbol? _symbol;
    private readonly RawPageMapEntry _page;

    internal ResolvedAddress(
        ulong address, AddressContext context, ResolvedSymbol? symbol, RawPageMapEntry page, OutputList<string>? flags)
    {
        Address = address;
        _context = context;
        _symbol = symbol;
        _page = page;
        Flags = flags;
    }

    internal override ProcessIdentity Process => _context.Map.Process;

    /// <summary>The address.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>First address of the mapping.</summary>
    public ulong MapStart => _context.Map.Start;

    /// <summary><see cref="MapStart"/> in hex.</summary>
    public string MapStartHex => HexText.Of(MapStart);

    /// <summary>First address after the mapping.</summary>
    public ulong MapEnd => _context.Map.End;

    /// <summary><see cref="MapEnd"/> in hex.</summary>
    public string MapEndHex => HexText.Of(MapEnd);

    /// <summary>Permissions of the mapping: <c>r-xp</c>.</summary>
    public string Permissions => _context.Map.Permissions;

    /// <summary>Kind of the mapping.</summary>
    public ProcMapKind Kind => _context.Map.Kind;

    /// <summary>Path or name of the mapping; empty for anonymous memory.</summary>
    public string Path => _context.Map.Path;

    /// <summary>The file was unlinked, or replaced by another file.</summary>
    public bool IsDeleted => _context.Map.IsDeleted;

    /// <summary>Another file has the path now, so that the file on disk is not the mapped one.</summary>
    public bool IsReplaced => _context.IsReplaced;

    /// <summary>Bytes from the start of the mapping.</summary>
    public ulong MappingOffset => Address - _context.Map.Start;

    /// <summary><see cref="MappingOffset"/> in hex.</summary>
    public string MappingOffsetHex => HexText.Of(MappingOffset);

    /// <summary>Bytes from the start of the file; null where no file is mapped.</summary>
    public ulong? FileOffset => !_context.Map.CanContainElf || Kind == ProcMapKind.Vdso ? null
        : MappingOffset + _context.Map.Offset;

    /// <summary><see cref="FileOffset"/> in hex.</summary>
    public string? FileOffsetHex => HexText.Of(FileOffset);

    /// <summary>
    /// Name of the mapped file, or <c>[vdso]</c>; in anonymous memory, that of the file whose <c>.bss</c> it is. Null where
    /// there is none.
    /// </summary>
    public string? Module => _context.Image?.File.Name;

    /// <summary>
    /// First address of the file: where it is loaded, or of its first mapping as data; null without a file.
    /// </summary>
    public ulong? ModuleStart => _context.Image?.Start;

    /// <summary><see cref="ModuleStart"/> in hex.</summary>
    public string? ModuleStartHex => HexText.Of(ModuleStart);

    /// <summary>Bytes from there.</summary>
    public ulong? ModuleOffset => Address - ModuleStart;

    /// <summary><see cref="ModuleOffset"/> in hex.</summary>
    public string? ModuleOffsetHex => HexText.Of(ModuleOffset);

    /// <summary>The address in the image, as nm, objdump and addr2line use it; null where no image is loaded.</summary>
    public ulong? ImageAddress => _context.Image?.ImageAddressOf(Address);

    /// <summary><see cref="ImageAddress"/> in hex.</summary>
    public string? ImageAddressHex => HexText.Of(ImageAddress);

    /// <summary>The ELF section; null where there is none, or the image has no section headers.</summary>
    public string? Section => _context.Section;

    /// <summary>The symbol that holds the address, as stored; null where there is none.</summary>
    public string? Symbol => _symbol?.Name;

    /// <summary>The demangled C++ name of the symbol; null where it is not a C++ name.</summary>
    public string? DemangledSymbol => _symbol?.Demangled;

    /// <summary>Bytes from the start of the symbol.</summary>
    public ulong? SymbolOffset =>
        _symbol is null ? null : (IsInPerfMap ? Address : ImageAddress) - _symbol.Start;

    /// <summary><see cref="SymbolOffset"/> in hex.</summary>
    public string? SymbolOffsetHex => HexText.Of(SymbolOffset);

    /// <summary>Source of the symbol.</summary>
    public SymbolOrigin? SymbolSource => _symbol?.Origin;

    /// <summary>The page is present; null where the page table cannot be read.</summary>
    public bool? IsPresent => _context.HasPages ? _page.IsPresent : null;

    /// <summary>The kernel hid the frame number: it requires CAP_SYS_ADMIN.</summary>
    public bool IsPfnHidden => _page.IsPfnHidden;

    /// <summary>The page frame number; null where the page is not present, or the number is hidden.</summary>
    public ulong? Pfn => _page is { IsPresent: true, IsPfnHidden: false } ? _page.Pfn : null;

    /// <summary><see cref="Pfn"/> in hex.</summary>
    public string? PfnHex => HexText.Of(Pfn);

    /// <summary>Physical address of the byte; null where <see cref="Pfn"/> is null.</summary>
    public ulong? PhysicalAddress => Pfn * MachinePage.SizeBytes + Address % MachinePage.SizeBytes;

    /// <summary><see cref="PhysicalAddress"/> in hex.</summary>
    public string? PhysicalAddressHex => HexText.Of(PhysicalAddress);

    /// <summary>Names of the page flags; null where they were not requested, or there is no frame.</summary>
    public OutputList<string>? Flags { get; }

    /// <summary>
    /// The thread whose stack is in the mapping; null where none is known, and where there are several. The stack of a
    /// running thread is not known, except for the main thread's <c>[stack]</c>.
    /// </summary>
    public int? ThreadId => _context.ThreadId;

    /// <summary>Index in the root of the page table; eight times that is the offset in bytes.</summary>
    public int? PgdIndex => _context.PageTables.IndexOf(Address, PageTableLevel.PGD);

    /// <summary>Index in the table below, with five levels only.</summary>
    public int? P4dIndex => _context.PageTables.IndexOf(Address, PageTableLevel.P4D);

    /// <summary>Index in the page upper directory.</summary>
    public int? PudIndex => _context.PageTables.IndexOf(Address, PageTableLevel.PUD);

    /// <summary>Index in the page middle directory.</summary>
    public int? PmdIndex => _context.PageTables.IndexOf(Address, PageTableLevel.PMD);

    /// <summary>Index in the table of page table entries.</summary>
    public int? PteIndex => _context.PageTables.IndexOf(Address, PageTableLevel.PTE);

    /// <summary>
    /// The address for a reader: <c>libc.so.6!malloc+0x12</c>, C++ names demangled; without a symbol
    /// <c>libc.so.6+0x1234</c>, <c>[heap]+0x10</c>, or start and offset of the mapping.
    /// </summary>
    public string Location => _symbol is not null
        ? $"{(Module is null || IsInPerfMap ? string.Empty : $"{Module}!")}"
            + $"{DemangledSymbol ?? _symbol.Name}{Offset(SymbolOffset!.Value)}"
        : Relative(Module ?? (Path.StartsWith('[') ? Path : null));

    /// <summary>The address as an expression that -Address accepts, for this process as it was.</summary>
    public string Expression => _symbol is not null && !IsInPerfMap && _context.NameInExpression is string name
        ? $"{AddressParser.Quote(name)}!{AddressParser.QuoteSymbol(_symbol.Name)}{Offset(SymbolOffset!.Value)}"
        : Relative(_context.NameInExpression);

    private bool IsInPerfMap => _symbol?.Origin == SymbolOrigin.PerfMap;

    /// <summary>Address and location.</summary>
    public override string ToString() => SafeText.Escape($"0x{Address:x} {Location}");

    /// <summary>
    /// The address from the start of what a name stands for; from the start of the mapping without a name.
    /// </summary>
    private string Relative(string? name) => name is null
        ? $"0x{MapStart:x}{Offset(MappingOffset)}"
        : Module is null ? $"{name}{Offset(MappingOffset)}"
        : $"{AddressParser.Quote(name)}{Offset(ModuleOffset!.Value)}";

    private static string Offset(ulong bytes) => bytes == 0 ? string.Empty : $"+0x{bytes:x}";
}

/// <summary>
/// What the addresses of one section of a mapping have in common, so that each of them is small: there can be millions.
/// </summary>
/// <param name="map">The mapping.</param>
/// <param name="image">The place of the file; null where no file is mapped.</param>
/// <param name="nameInExpression">The name of the file or mapping in an expression; null where no name is unique.</param>
/// <param name="section">The ELF section; null where there is none.</param>
/// <param name="threadId">The thread whose stack is in the mapping; null where there is none, or several.</param>
/// <param name="hasPages">The page table was read.</param>
/// <param name="pageTables">The geometry of the machine's page tables.</param>
internal sealed class AddressContext(
    ProcMap map, MappedImage? image, string? nameInExpression, ElfSection? section, int? threadId, bool hasPages,
    PageTableGeometry pageTables)
{
    public ProcMap Map { get; } = map;

    public MappedImage? Image { get; } = image;

    public string? NameInExpression { get; } = nameInExpression;

    /// <summary>
    /// Another file has the path now. It is checked at once, since only an open process can be asked.
    /// </summary>
    public bool IsReplaced { get; } = image?.File.IsReplaced == true;

    public string? Section { get; } = section?.Name;

    public int? ThreadId { get; } = threadId;

    public bool HasPages { get; } = hasPages;

    public PageTableGeometry PageTables { get; } = pageTables;
}

namespace MemProc;

/// <summary>
/// All known symbols of a file: those of the image itself, and those of its separate debug file where there is one.
/// </summary>
internal sealed class ModuleSymbols : IDisposable
{
    private readonly MappedFile _file;
    private readonly List<(ElfSymbolTable Table, SymbolOrigin Origin)> _tables = [];
    private readonly Dictionary<int, uint> _numbers = [];
    private readonly ElfFile? _debugFile;
    private readonly Lazy<(SymbolIndex Index, SymbolOrigin Origin)[]> _indexes;

    /// <summary>Finds the symbol tables.</summary>
    /// <param name="process">The process.</param>
    /// <param name="file">The file, which has to be an ELF file.</param>
    public ModuleSymbols(LinuxProcess process, MappedFile file)
    {
        _file = file;
        ElfFile image = file.Elf!;
        ElfSymbolTable? full = file.TryRun(() => image.SymbolTable(ElfSymbolSource.Full));
        ElfSymbolTable? table = full ?? file.TryRun(() => image.SymbolTable(ElfSymbolSource.Dynamic));
        if (table is not null)
        {
            _tables.Add((table, full is null ? SymbolOrigin.Dynamic : SymbolOrigin.Full));
        }

        _debugFile = full is null ? file.TryRun(() => DebugFiles.Find(process, file)) : null;
        if (_debugFile is not null
            && file.TryRun(() => _debugFile.SymbolTable(ElfSymbolSource.Full)) is ElfSymbolTable separate)
        {
            _tables.Add((separate, SymbolOrigin.DebugFile));
        }

        _indexes = new Lazy<(SymbolIndex, SymbolOrigin)[]>(() => [..
            from item in _tables
            let index = file.TryRun(() => new SymbolIndex(item.Table, image.Header.Machine, item.Origin))
            where index is not null
            select (index, item.Origin)]);
    }

    /// <summary>
    /// Finds the symbol of an address: the nearest one of both tables, and of equal ones that of the image.
    /// </summary>
    /// <param name="imageAddress">An address of the image.</param>
    /// <param name="section">Its section; null: unknown.</param>
    public NamedPlace? At(ulong imageAddress, ElfSection? section)
    {
        NamedPlace? best = null;
        foreach ((SymbolIndex index, SymbolOrigin origin) in _indexes.Value)
        {
            uint? number = section is null ? null : origin == SymbolOrigin.DebugFile ? InDebugFile(section) : (uint)section.Index;
            try
            {
                NamedPlace? place = index.At(imageAddress, number);
                best = place is not null && (best is null || place.Start > best.Start) ? place : best;
            }
            catch (MemProcException error)
            {
                _file.RecordError(error);
            }
        }

        return best;
    }

    /// <summary>
    /// Finds the symbols with a name, which can be the stored one, one with a version, or a demangled C++ name.
    /// </summary>
    public ElfSymbol[] Named(string name)
    {
        ElfSymbol[] all = [.. DefinedSymbols()];
        ElfSymbol[] found = Array.FindAll(all, symbol => Bare(symbol) == name);
        // The default version comes before those that are kept for old programs.
        ElfSymbol[] current = Array.FindAll(found, IsCurrent);
        found = current.Length > 0 ? current : found;
        found = found.Length > 0 ? found
            : Array.FindAll(all, symbol => symbol.VersionedName == name || symbol.Name == name);
        return found.Length > 0 ? found : Array.FindAll(all, symbol => symbol.DemangledName == name
            || symbol.DemangledName.StartsWith($"{name}(", StringComparison.Ordinal));
    }

    /// <summary>The names of all symbols, without versions.</summary>
    public IEnumerable<string> Names() => DefinedSymbols().Select(Bare);

    /// <inheritdoc/>
    public void Dispose() => _debugFile?.Dispose();

    /// <summary>
    /// Whether a symbol has no version or the default one; in the full table a version is part of the name.
    /// </summary>
    private static bool IsCurrent(ElfSymbol symbol) => symbol.Version is not null ? symbol.IsDefaultVersion
        : symbol.Name.IndexOf('@') is not (int at and > 0) || symbol.Name.AsSpan(at).StartsWith("@@");

    private static string Bare(ElfSymbol symbol) =>
        symbol.Name.IndexOf('@') is int at and > 0 ? symbol.Name[..at] : symbol.Name;

    /// <summary>The index of a section in the debug file, which can differ from that in the image.</summary>
    private uint InDebugFile(ElfSection section)
    {
        if (!_numbers.TryGetValue(section.Index, out uint number))
        {
            ElfSection? same = _file.TryRun(() => _debugFile!.Sections.FirstOrDefault(
                other => other.Name == section.Name && other.VirtualAddress == section.VirtualAddress));
            _numbers[section.Index] = number = (uint)(same?.Index ?? 0);
        }

        return number;
    }

    /// <summary>All symbols that are defined here, including all versions and thread-local symbols.</summary>
    public IEnumerable<ElfSymbol> DefinedSymbols() =>
        from item in _tables
        from entry in item.Table.Entries()
        where entry.Section is not (0 or 0xfff1) && entry.Name != 0
            && entry.Type is not (ElfSymbolType.File or ElfSymbolType.Section)
        select item.Table.Symbol(entry);
}

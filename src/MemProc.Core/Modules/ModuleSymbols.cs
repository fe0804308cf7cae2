namespace MemProc;

/// <summary>
/// All symbols that are known of a file: those of the image itself, and those of a separate file of debugging
/// information, where one is there.
/// </summary>
internal sealed class ModuleSymbols : IDisposable
{
    private readonly MappedFile _file;
    private readonly List<(ElfSymbolTable Table, SymbolOrigin Origin)> _tables = [];
    private readonly Dictionary<int, uint> _numbers = [];
    private readonly ElfFile? _debugFile;
    private readonly Lazy<(SymbolIndex Index, SymbolOrigin Origin)[]> _indexes;

    /// <summary>Finds the tables.</summary>
    /// <param name="process">The process.</param>
    /// <param name="file">The file, which has an image.</param>
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

    /// <summary>The symbol of an address: of both tables the nearer one, of equals that of the image.</summary>
    /// <param name="imageAddress">An address of the image.</param>
    /// <param name="section">Its section; null: not known.</param>
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

    /// <summary>The symbols of a name: as it is stored, with its version, or as C++ programmers write it.</summary>
    public ElfSymbol[] Named(string name)
    {
        ElfSymbol[] all = [.. Defined()];
        ElfSymbol[] found = Array.FindAll(all, symbol => Bare(symbol) == name);
        // What programs get that ask for no version comes before the versions that are kept for old ones.
        ElfSymbol[] current = Array.FindAll(found, IsCurrent);
        found = current.Length > 0 ? current : found;
        found = found.Length > 0 ? found
            : Array.FindAll(all, symbol => symbol.VersionedName == name || symbol.Name == name);
        return found.Length > 0 ? found : Array.FindAll(all, symbol => symbol.DemangledName == name
            || symbol.DemangledName.StartsWith($"{name}(", StringComparison.Ordinal));
    }

    /// <summary>The names of all symbols, without versions.</summary>
    public IEnumerable<string> Names() => Defined().Select(Bare);

    /// <inheritdoc/>
    public void Dispose() => _debugFile?.Dispose();

    /// <summary>Whether a name has no version or is the default one; in the full table a version is part of the name.</summary>
    private static bool IsCurrent(ElfSymbol symbol) => symbol.Version is not null ? symbol.IsDefaultVersion
        : symbol.Name.IndexOf('@') is not (int at and > 0) || symbol.Name.AsSpan(at).StartsWith("@@");

    private static string Bare(ElfSymbol symbol) =>
        symbol.Name.IndexOf('@') is int at and > 0 ? symbol.Name[..at] : symbol.Name;

    /// <summary>The number of a section in the file of debugging information, which may count in another way.</summary>
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

    /// <summary>All symbols that have a place here, versions and thread-local ones included.</summary>
    public IEnumerable<ElfSymbol> Defined() =>
        from item in _tables
        from entry in item.Table.Entries()
        where entry.Section is not (0 or 0xfff1) && entry.Name != 0
            && entry.Type is not (ElfSymbolType.File or ElfSymbolType.Section)
        select item.Table.Symbol(entry);
}

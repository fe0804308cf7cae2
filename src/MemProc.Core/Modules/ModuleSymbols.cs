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
    private readonly Lazy<(ElfSymbolTable Table, ulong[] Hashes)[]> _names;

    /// <summary>Finds the symbol tables.</summary>
    /// <param name="process">The process.</param>
    /// <param name="file">The file, which has to be an ELF file.</param>
    public ModuleSymbols(MemoryTarget process, MappedFile file)
    {
        _file = file;
        ElfFile image = file.Elf!;
        ElfSymbolTable? full = file.TryRun(() => image.SymbolTable(ElfSymbolSource.Full));
        ElfSymbolTable? table = full ?? file.TryRun(() => image.SymbolTable(ElfSymbolSource.Dynamic));
        if (table is not null)
        {
            _tables.Add((table, full is null ? SymbolOrigin.Dynamic : SymbolOrigin.Full));
        }

        _debugFile = full is null ? file.TryRun(() => DebugFiles.Find(process, file, file.Cancellation)) : null;
        if (_debugFile is not null
            && file.TryRun(() => _debugFile.SymbolTable(ElfSymbolSource.Full)) is ElfSymbolTable separate)
        {
            _tables.Add((separate, SymbolOrigin.DebugFile));
        }

        _indexes = new Lazy<(SymbolIndex, SymbolOrigin)[]>(() => [..
            from item in _tables
            let index = file.TryRun(() => new SymbolIndex(item.Table, image.Header.Machine, item.Origin, file.Cancellation))
            where index is not null
            select (index, item.Origin)]);
        _names = new Lazy<(ElfSymbolTable, ulong[])[]>(
            () => [.. _tables.Select(item => (item.Table, Hashes(item.Table)))]);
    }

    /// <summary>
    /// Finds the symbol of an address: the nearest one of both tables, and of equal ones that of the image.
    /// </summary>
    /// <param name="imageAddress">An address of the image.</param>
    /// <param name="section">Its section; null: unknown.</param>
    public ResolvedSymbol? At(ulong imageAddress, ElfSection? section)
    {
        ResolvedSymbol? best = null;
        foreach ((SymbolIndex index, SymbolOrigin origin) in _indexes.Value)
        {
            uint? number = section is null ? null : origin == SymbolOrigin.DebugFile ? InDebugFile(section) : (uint)section.Index;
            try
            {
                ResolvedSymbol? symbol = index.At(imageAddress, number);
                best = symbol is not null && (best is null || symbol.Start > best.Start) ? symbol : best;
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
        ElfSymbol[] candidates = [.. _names.Value.SelectMany(names => Candidates(names.Table, names.Hashes, name))];
        ElfSymbol[] found = Array.FindAll(candidates, symbol => WithoutVersion(symbol.Name) == name);
        // The default version comes before those that are kept for old programs.
        ElfSymbol[] current = Array.FindAll(found, IsCurrent);
        found = current.Length > 0 ? current : found;
        found = found.Length > 0 ? found
            : Array.FindAll(candidates, symbol => symbol.VersionedName == name || symbol.Name == name);
        return found.Length > 0 ? found : [.. DefinedSymbols().Where(symbol => symbol.DemangledName == name
            || symbol.DemangledName.StartsWith($"{name}(", StringComparison.Ordinal))];
    }

    /// <summary>The names of all symbols, without versions.</summary>
    public IEnumerable<string> Names() => DefinedSymbols().Select(symbol => WithoutVersion(symbol.Name));

    /// <inheritdoc/>
    public void Dispose() => _debugFile?.Dispose();

    /// <summary>
    /// Whether a symbol has no version or the default one; in the full table a version is part of the name.
    /// </summary>
    private static bool IsCurrent(ElfSymbol symbol) => symbol.Version is not null ? symbol.IsDefaultVersion
        : symbol.Name.IndexOf('@') is not (int at and > 0) || symbol.Name.AsSpan(at).StartsWith("@@");

    private static string WithoutVersion(string name) => name.IndexOf('@') is int at and > 0 ? name[..at] : name;

    private static bool IsDefined(in ElfSymbolTable.Entry entry) => entry.Section is not (0 or 0xfff1) && entry.Name != 0
        && entry.Type is not (ElfSymbolType.File or ElfSymbolType.Section);

    /// <summary>
    /// The hashes of the names in a table, each with the index of its symbol below, in ascending order: 8 bytes a symbol,
    /// where the names themselves take a multiple of that.
    /// </summary>
    private static ulong[] Hashes(ElfSymbolTable table)
    {
        List<ulong> hashes = [];
        foreach (ElfSymbolTable.Entry entry in table.Entries())
        {
            if (IsDefined(entry))
            {
                hashes.Add(Hash(table.Symbol(entry).Name) | (uint)entry.Index);
            }
        }

        hashes.Sort();
        return [.. hashes];
    }

    /// <summary>The symbols of a table whose names have the same hash as a name, versions aside.</summary>
    private static IEnumerable<ElfSymbol> Candidates(ElfSymbolTable table, ulong[] hashes, string name)
    {
        ulong hash = Hash(name);
        int first = Array.BinarySearch(hashes, hash);
        for (int at = first >= 0 ? first : ~first; at < hashes.Length && (hashes[at] ^ hash) <= uint.MaxValue; at++)
        {
            yield return table.Symbol(table[(int)(uint)hashes[at]]);
        }
    }

    /// <summary>The hash of a name without its version, in the upper 32 bits.</summary>
    private static ulong Hash(string name)
    {
        int version = name.IndexOf('@');
        return (ulong)(uint)string.GetHashCode(version > 0 ? name.AsSpan(0, version) : name) << 32;
    }

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
        where IsDefined(entry)
        select item.Table.Symbol(entry);
}

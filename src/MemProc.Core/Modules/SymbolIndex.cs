namespace MemProc;

/// <summary>
/// The symbols of one table by their addresses. The choice is that of gdb's <c>info symbol</c>: the symbol of the same
/// section that holds the address; otherwise the nearest label (a symbol without a size) before it, unless a symbol with
/// a size is between them. Of several at one address the last by name: <c>puts</c>, not <c>_IO_puts</c>.
/// </summary>
internal sealed class SymbolIndex
{
    private readonly ElfSymbolTable _table;
    private readonly SymbolOrigin _origin;
    private readonly Dictionary<uint, SectionSymbols> _sections = [];

    /// <summary>Sorts a table.</summary>
    /// <param name="table">The table.</param>
    /// <param name="machine">Architecture of the code.</param>
    /// <param name="origin">Source of the table.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="MemProcException">ReadElf: the table is malformed.</exception>
    public SymbolIndex(
        ElfSymbolTable table, ElfMachine machine, SymbolOrigin origin, CancellationToken cancellation = default)
    {
        _table = table;
        _origin = origin;
        Dictionary<uint, List<ElfSymbolTable.Entry>> sections = [];
        foreach (ElfSymbolTable.Entry entry in table.Entries())
        {
            if (!HasAddress(entry, machine))
            {
                continue;
            }

            if (!sections.TryGetValue(entry.Section, out List<ElfSymbolTable.Entry>? entries))
            {
                sections[entry.Section] = entries = [];
            }

            entries.Add(entry);
        }

        foreach ((uint section, List<ElfSymbolTable.Entry> entries) in sections)
        {
            _sections[section] = new SectionSymbols(entries, cancellation);
        }
    }

    /// <summary>Finds the symbol of an address.</summary>
    /// <param name="address">An address of the image.</param>
    /// <param name="section">The index of its section; null: any section.</param>
    /// <returns>Null where there is none.</returns>
    /// <exception cref="MemProcException">ReadElf: a name is malformed.</exception>
    public ResolvedSymbol? At(ulong address, uint? section)
    {
        if (section is uint known)
        {
            return _sections.TryGetValue(known, out SectionSymbols? symbols) ? At(address, symbols) : null;
        }

        ResolvedSymbol? nearest = null;
        foreach (SectionSymbols symbols in _sections.Values)
        {
            ResolvedSymbol? symbol = At(address, symbols);
            nearest = symbol is not null && (nearest is null || symbol.Start > nearest.Start) ? symbol : nearest;
        }

        return nearest;
    }

    private ResolvedSymbol? At(ulong address, SectionSymbols symbols)
    {
        int last = symbols.LastUpTo(address);
        if (last < 0)
        {
            return null;
        }

        int sized = symbols.SizedUpTo(last);
        while (sized > 0 && !symbols.Covers(sized, address) && symbols.Covers(sized - 1, address))
        {
            sized--;
        }

        return sized >= 0 && symbols.Covers(sized, address) ? Name(symbols, sized, address)
            : sized < last ? Name(symbols, last, address)
            : null;
    }

    private ResolvedSymbol Name(SectionSymbols symbols, int index, ulong address) =>
        symbols.Names[index] ??= FindName(symbols, index, address);

    /// <summary>Returns the symbol at an index; of equivalent symbols the one whose name comes last.</summary>
    private ResolvedSymbol FindName(SectionSymbols symbols, int index, ulong address)
    {
        ElfSymbolTable.Entry entry = symbols.Entries[index];
        ResolvedSymbol best = Name(entry);
        for (int other = index - 1; other >= 0 && IsTied(entry, symbols.Entries[other]); other--)
        {
            if (entry.Size > 0 && !symbols.Covers(other, address))
            {
                continue;
            }

            ResolvedSymbol symbol = Name(symbols.Entries[other]);
            best = string.CompareOrdinal(symbol.Name, best.Name) > 0 ? symbol : best;
        }

        return best;
    }

    private static bool IsTied(in ElfSymbolTable.Entry entry, in ElfSymbolTable.Entry other) =>
        entry.Value == other.Value && (entry.Size > 0) == (other.Size > 0);

    private ResolvedSymbol Name(in ElfSymbolTable.Entry entry)
    {
        // In the full table a version is part of the name.
        string name = _table.Symbol(entry).Name;
        int at = name.IndexOf('@');
        return new ResolvedSymbol(at > 0 ? name[..at] : name, entry.Value, _origin);
    }

    /// <summary>Whether a symbol has an address, and is not an internal label of a compiler or assembler.</summary>
    private bool HasAddress(in ElfSymbolTable.Entry entry, ElfMachine machine)
    {
        if (entry.Name == 0 || !entry.HasSection
            || entry.Type is ElfSymbolType.File or ElfSymbolType.Section or ElfSymbolType.Tls)
        {
            return false;
        }

        bool isLocalLabel = entry is { Size: 0, Type: ElfSymbolType.None, Info: < 0x10 };
        if (!isLocalLabel)
        {
            return true;
        }

        string name = _table.Symbol(entry).Name;
        return !name.StartsWith(".L", StringComparison.Ordinal)
            && !(name.StartsWith('$') && machine is ElfMachine.Arm64 or ElfMachine.Arm);
    }

    /// <summary>The symbols of a section by address, at each address those without a size first.</summary>
    private sealed class SectionSymbols
    {
        private readonly ulong[] _starts;
        private readonly int[] _sized;

        public SectionSymbols(List<ElfSymbolTable.Entry> entries, CancellationToken cancellation)
        {
            Entries = [.. entries];
            try
            {
                Array.Sort(Entries, (one, other) => Compare(one, other, cancellation));
            }
            catch (InvalidOperationException error) when (error.InnerException is OperationCanceledException)
            {
                throw new OperationCanceledException(cancellation);
            }

            Names = new ResolvedSymbol?[Entries.Length];
            _starts = Array.ConvertAll(Entries, entry => entry.Value);
            _sized = new int[Entries.Length];
            int sized = -1;
            for (int index = 0; index < _sized.Length; index++)
            {
                sized = Entries[index].Size > 0 ? index : sized;
                _sized[index] = sized;
            }
        }

        private static int Compare(
            in ElfSymbolTable.Entry one, in ElfSymbolTable.Entry other, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            return one.Value != other.Value ? one.Value.CompareTo(other.Value)
                : (one.Size > 0) != (other.Size > 0) ? (one.Size > 0).CompareTo(other.Size > 0)
                : one.Index.CompareTo(other.Index);
        }

        public ElfSymbolTable.Entry[] Entries { get; }

        /// <summary>The symbols found so far, by index.</summary>
        public ResolvedSymbol?[] Names { get; }

        /// <summary>Index of the last symbol at or before an address; -1 where there is none.</summary>
        public int LastUpTo(ulong address)
        {
            int index = Array.BinarySearch(_starts, address);
            if (index < 0)
            {
                return ~index - 1;
            }

            while (index + 1 < _starts.Length && _starts[index + 1] == address)
            {
                index++;
            }

            return index;
        }

        /// <summary>Index of the last symbol with a size up to another one; -1 where there is none.</summary>
        public int SizedUpTo(int index) => _sized[index];

        public bool Covers(int index, ulong address) =>
            address >= Entries[index].Value && address - Entries[index].Value < Entries[index].Size;
    }
}

namespace MemProc;

/// <summary>One of the symbol tables of an ELF image.</summary>
internal sealed class ElfSymbolTable
{
    /// <summary>
    /// Symbols of the largest table that is read. The largest programs have a few million; a sparse file can claim any number.
    /// </summary>
    internal const ulong MaxSymbols = 1 << 23;

    private const int ChunkSymbols = 4096;

    /// <summary>SHN_LORESERVE: this index and those above have other meanings.</summary>
    private const ushort FirstReservedIndex = 0xff00;

    /// <summary>SHN_XINDEX: the index is in another table.</summary>
    private const ushort ExtendedIndex = 0xffff;


    private readonly ElfFile _file;
    private readonly ElfSymbolSource _kind;
    private readonly ulong _offset;
    private readonly ElfStringTable _strings;
    private readonly ElfVersions? _versions;
    private readonly byte[]? _sectionIndexes;

    /// <summary>Prepares to read a table.</summary>
    /// <param name="file">The image.</param>
    /// <param name="kind">The kind of table.</param>
    /// <param name="offset">Offset of the first symbol.</param>
    /// <param name="count">Number of symbols.</param>
    /// <param name="strings">Their names.</param>
    /// <param name="versions">Their versions; null: none.</param>
    /// <param name="sectionIndexes">Section indexes that do not fit the field of a symbol, 32 bits each; null: none.</param>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: it extends past the end of the image.</exception>
    public ElfSymbolTable(
        ElfFile file, ElfSymbolSource kind, ulong offset, ulong count, ElfStringTable strings, ElfVersions? versions,
        byte[]? sectionIndexes)
    {
        _file = file;
        _kind = kind;
        _offset = offset;
        _strings = strings;
        _versions = versions;
        _sectionIndexes = sectionIndexes;
        int size = file.Format.SymbolBytes;
        if (count > MaxSymbols)
        {
            throw file.Source.Malformed($"its symbol table would have {count} symbols, more than the {MaxSymbols} that are read");
        }

        if (!file.Source.Contains(offset, count * (ulong)size))
        {
            throw file.Source.Malformed($"its symbol table, {count} symbols from offset 0x{offset:x}, extends past its end");
        }

        Count = (int)count;
    }

    /// <summary>Number of symbols, the empty first one included.</summary>
    public int Count { get; }

    /// <summary>The numeric fields of a symbol.</summary>
    /// <param name="index">Its index in the table.</param>
    /// <exception cref="MemProcException">ReadElf: part of the table cannot be read.</exception>
    public Entry this[int index]
    {
        get
        {
            ulong size = (ulong)_file.Format.SymbolBytes;
            return Parse(_file.Source.ReadExactly(_offset + (ulong)index * size, size, "its symbol table"), index);
        }
    }

    /// <summary>The numeric fields of the symbols, without their names.</summary>
    /// <exception cref="MemProcException">ReadElf: part of the table cannot be read.</exception>
    public IEnumerable<Entry> Entries()
    {
        _strings.BeginPass();
        int size = _file.Format.SymbolBytes;
        for (int first = 0; first < Count; first += ChunkSymbols)
        {
            int count = Math.Min(ChunkSymbols, Count - first);
            byte[] chunk = _file.Source.ReadExactly(
                _offset + (ulong)first * (ulong)size, (ulong)(count * size), "its symbol table");
            for (int index = 0; index < count; index++)
            {
                yield return Parse(chunk.AsSpan(index * size, size), first + index);
            }
        }
    }

    /// <summary>Returns a symbol with its name.</summary>
    /// <param name="entry">Its numeric fields.</param>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: its name is outside the string table.</exception>
    public ElfSymbol Symbol(in Entry entry)
    {
        (string? version, bool isDefault) = _versions?.Of(entry.Index, entry.Section == 0) ?? (null, false);
        string name = NameOf(entry);
        // The name of a version is a symbol too, without a version of its own.
        version = version == name ? null : version;
        return new ElfSymbol
        {
            Path = _file.Source.Path,
            Member = _file.Source.Member,
            Target = _file.Target,
            Table = _kind,
            Index = entry.Index,
            Name = name,
            Value = entry.Value,
            SizeBytes = entry.Size,
            Type = entry.Type,
            Binding = (ElfSymbolBinding)(entry.Info >> 4),
            Visibility = (ElfSymbolVisibility)(entry.Other & 3),
            SectionIndex = SectionOf(entry),
            IsExtendedIndex = IsExtended(entry),
            Version = version,
            IsDefaultVersion = isDefault && version is not null,
        };
    }

    private Entry Parse(ReadOnlySpan<byte> bytes, int index)
    {
        ElfFieldReader fields = new(bytes, _file.Format);
        if (_file.Format.Is64Bit)
        {
            uint name = fields.ReadWord();
            byte info = fields.ReadByte(), other = fields.ReadByte();
            ushort section = fields.ReadHalf();
            return new Entry(index, name, fields.ReadNative(), fields.ReadNative(), info, other, section);
        }
        else
        {
            uint name = fields.ReadWord();
            ulong value = fields.ReadNative(), size = fields.ReadNative();
            return new Entry(index, name, value, size, fields.ReadByte(), fields.ReadByte(), fields.ReadHalf());
        }
    }

    /// <summary>Returns the name of a symbol; that of its section where it stands for a section.</summary>
    private string NameOf(in Entry entry)
    {
        if (entry.Name != 0 || entry.Type != ElfSymbolType.Section)
        {
            return _strings[entry.Name];
        }

        uint section = SectionOf(entry);
        return (IsExtended(entry) || section < FirstReservedIndex) && section < _file.Sections.Count
            ? _file.Sections[(int)section].Name
            : string.Empty;
    }

    /// <summary>Whether the section index of a symbol is in the table of those that do not fit its field.</summary>
    private bool IsExtended(in Entry entry) => entry.Section == ExtendedIndex && _sectionIndexes is not null
        && ((long)entry.Index + 1) * sizeof(uint) <= _sectionIndexes.Length;

    private uint SectionOf(in Entry entry) => IsExtended(entry)
        ? new ElfFieldReader(_sectionIndexes.AsSpan(entry.Index * sizeof(uint)), _file.Format).ReadWord()
        : entry.Section;

    /// <summary>The numeric fields of a symbol.</summary>
    /// <param name="Index">Index in the table.</param>
    /// <param name="Name">Offset of its name.</param>
    /// <param name="Value">Usually an address of the image.</param>
    /// <param name="Size">Bytes.</param>
    /// <param name="Info">Binding and type.</param>
    /// <param name="Other">Visibility.</param>
    /// <param name="Section">Index of its section, 16 bits.</param>
    internal readonly record struct Entry(
        int Index, uint Name, ulong Value, ulong Size, byte Info, byte Other, ushort Section)
    {
        /// <summary>Kind of what it names.</summary>
        public ElfSymbolType Type => (ElfSymbolType)(Info & 0xf);

        /// <summary>
        /// It is in a section, and neither undefined nor absolute. An index that does not fit the field is of a section.
        /// </summary>
        public bool HasSection => Section is > 0 and < FirstReservedIndex or ExtendedIndex;
    }
}

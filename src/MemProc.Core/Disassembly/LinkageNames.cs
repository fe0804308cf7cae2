using Iced.Intel;

namespace MemProc;

/// <summary>
/// Names what the linker makes for symbols of other files: <c>abort@plt</c> for an entry of the procedure linkage table,
/// which jumps through a slot of the global offset table, and <c>abort@got</c> for such a slot. The relocation of the slot
/// has the symbol.
/// </summary>
internal sealed class LinkageNames
{
    /// <summary>
    /// Relocations and instructions that are looked at: far more than programs have. A malformed file can have many
    /// sections with the same bytes.
    /// </summary>
    private const int MaxItems = 1 << 22;

    /// <summary>Bytes of an entry where the section does not say.</summary>
    private const ulong DefaultEntryBytes = 16;

    private readonly ElfFile _file;
    private readonly CancellationToken _cancellation;
    private readonly Dictionary<ulong, string> _slots = [];
    private readonly Dictionary<(ulong Address, bool IsEntry), ResolvedSymbol> _symbols = [];
    private readonly Dictionary<int, ulong> _entryBytes = [];
    private int _items;

    private LinkageNames(ElfFile file, CancellationToken cancellation)
    {
        _file = file;
        _cancellation = cancellation;
    }

    /// <summary>Finds the names of a file; those that are malformed are left out.</summary>
    public static LinkageNames Read(ElfFile file, CancellationToken cancellation)
    {
        LinkageNames names = new(file, cancellation);
        try
        {
            names.ReadSlots();
            foreach (ElfSection section in file.Sections.Where(section => IsEntries(section)
                && section.Type != ElfSectionType.NoBits && names._items < MaxItems))
            {
                names.ReadEntries(section);
            }
        }
        catch (MemProcException)
        {
            // Names help the reader; the code is shown without them.
        }

        return names;
    }

    /// <summary>Returns the name of an address of the image; null where it has none.</summary>
    /// <param name="address">The address.</param>
    /// <param name="section">Its section.</param>
    public ResolvedSymbol? At(ulong address, ElfSection section)
    {
        if (IsEntries(section))
        {
            ulong bytes = _entryBytes.GetValueOrDefault(section.Index, DefaultEntryBytes);
            return _symbols.GetValueOrDefault((address - (address - section.VirtualAddress) % bytes, true));
        }

        return section.Name.StartsWith(".got", StringComparison.Ordinal) ? _symbols.GetValueOrDefault((address, false)) : null;
    }

    private static bool IsEntries(ElfSection section) => section.Name.StartsWith(".plt", StringComparison.Ordinal);

    private void ReadSlots()
    {
        if (_file.SymbolTable(ElfSymbolSource.Dynamic) is not ElfSymbolTable table)
        {
            return;
        }

        foreach (ElfSection section in _file.Sections)
        {
            if (_items < MaxItems && section.IsLoaded && section.Type is ElfSectionType.Relocations or ElfSectionType.RelocationsWithAddends)
            {
                ReadSlots(section, table);
            }
        }
    }

    private void ReadSlots(ElfSection section, ElfSymbolTable table)
    {
        int word = _file.Format.Is64Bit ? sizeof(ulong) : sizeof(uint);
        int size = word * (section.Type == ElfSectionType.RelocationsWithAddends ? 3 : 2);
        byte[] bytes = _file.Source.ReadExactly(section.Offset, section.SizeBytes, "its relocations");
        for (int at = 0; at + size <= bytes.Length && _items < MaxItems; at += size)
        {
            _cancellation.ThrowIfCancellationRequested();
            _items++;
            ElfFieldReader fields = new(bytes.AsSpan(at), _file.Format);
            ulong slot = fields.ReadNative();
            ulong info = fields.ReadNative();
            ulong index = _file.Format.Is64Bit ? info >> 32 : info >> 8;
            if (index == 0 || index >= (ulong)table.Count)
            {
                continue;
            }

            string name = table.Symbol(table[(int)index]).Name;
            if (name.Length > 0 && _slots.TryAdd(slot, name))
            {
                _symbols[(slot, false)] = new ResolvedSymbol($"{name}@got", slot, SymbolOrigin.Dynamic);
            }
        }
    }

    /// <summary>Finds the entries of a section: each has a jump through a slot.</summary>
    private void ReadEntries(ElfSection section)
    {
        ulong size = section.EntryBytes is > 0 and <= 64 ? section.EntryBytes : DefaultEntryBytes;
        _entryBytes[section.Index] = size;
        byte[] bytes = _file.Source.ReadExactly(section.Offset, section.SizeBytes, "its procedure linkage table");
        InstructionDecoder decoder = new(_file.Format.Is64Bit ? 64 : 32);
        foreach (DecodedInstruction decoded in decoder.Decode(
            [new CodePiece(section.VirtualAddress, bytes)], section.VirtualAddress + section.SizeBytes))
        {
            _cancellation.ThrowIfCancellationRequested();
            if (_items++ >= MaxItems)
            {
                return;
            }

            Instruction instruction = decoded.Instruction;
            if (instruction.FlowControl == FlowControl.IndirectBranch
                && InstructionReader.TargetOf(instruction) is ulong slot && _slots.TryGetValue(slot, out string? name))
            {
                ulong start = decoded.Address - (decoded.Address - section.VirtualAddress) % size;
                _symbols.TryAdd((start, true), new ResolvedSymbol($"{name}@plt", start, SymbolOrigin.Dynamic));
            }
        }
    }
}

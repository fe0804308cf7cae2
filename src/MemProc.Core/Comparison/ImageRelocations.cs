namespace MemProc;

/// <summary>A relocation of an image.</summary>
/// <param name="Address">Address of the image that it changes.</param>
/// <param name="Type">Its type, which depends on the processor.</param>
/// <param name="SymbolIndex">Index of its symbol; 0 without one.</param>
/// <param name="Addend">Its addend; null where the file has it at the place itself.</param>
internal readonly record struct ImageRelocation(ulong Address, uint Type, uint SymbolIndex, ulong? Addend);

/// <summary>
/// The relocations that the dynamic linker applies to an image, from its dynamic section (DT_RELA, DT_REL, DT_RELR, DT_JMPREL
/// of elf(5)), or from the sections of a static program.
/// </summary>
internal sealed class ImageRelocations
{
    /// <summary>More than any program has: a malformed file must not take the memory of this one.</summary>
    private const int MaxCount = 1 << 24;

    private const ulong RelaBytes = 8, Rel = 17, RelBytes = 18, JumpRel = 23, PltRel = 20, Relr = 36, RelrBytes = 35;

    private static readonly Dictionary<uint, string> X64Names = new()
    {
        [1] = "64", [5] = "COPY", [6] = "GLOB_DAT", [7] = "JUMP_SLOT", [8] = "RELATIVE", [16] = "DTPMOD64", [17] = "DTPOFF64",
        [18] = "TPOFF64", [36] = "TLSDESC", [37] = "IRELATIVE",
    };

    private static readonly Dictionary<uint, string> X86Names = new()
    {
        [1] = "32", [2] = "PC32", [5] = "COPY", [6] = "GLOB_DAT", [7] = "JUMP_SLOT", [8] = "RELATIVE", [14] = "TLS_TPOFF",
        [35] = "TLS_DTPMOD32", [36] = "TLS_DTPOFF32", [37] = "TLS_TPOFF32", [41] = "TLS_DESC", [42] = "IRELATIVE",
    };

    private static readonly Dictionary<uint, string> Arm64Names = new()
    {
        [257] = "ABS64", [1024] = "COPY", [1025] = "GLOB_DAT", [1026] = "JUMP_SLOT", [1027] = "RELATIVE", [1028] = "TLS_DTPMOD",
        [1029] = "TLS_DTPREL", [1030] = "TLS_TPREL", [1031] = "TLSDESC", [1032] = "IRELATIVE",
    };

    private static readonly Dictionary<uint, string> ArmNames = new()
    {
        [2] = "ABS32", [13] = "TLS_DESC", [17] = "TLS_DTPMOD32", [18] = "TLS_DTPOFF32", [19] = "TLS_TPOFF32", [20] = "COPY",
        [21] = "GLOB_DAT", [22] = "JUMP_SLOT", [23] = "RELATIVE", [160] = "IRELATIVE",
    };

    private readonly ElfFile _file;
    private readonly Dictionary<uint, string> _names;
    private readonly ImageRelocation[] _items;
    private readonly ulong[] _addresses;

    private ImageRelocations(ElfFile file, List<ImageRelocation> items)
    {
        _file = file;
        _names = (ElfMachine)file.Raw.Machine switch
        {
            ElfMachine.X64 => X64Names,
            ElfMachine.X86 => X86Names,
            ElfMachine.Arm64 => Arm64Names,
            ElfMachine.Arm => ArmNames,
            _ => [],
        };
        _items = [.. items.OrderBy(item => item.Address)];
        _addresses = Array.ConvertAll(_items, item => item.Address);
    }

    /// <summary>Bytes of a pointer of the image.</summary>
    public int WordBytes => _file.Format.Is64Bit ? sizeof(ulong) : sizeof(uint);

    /// <summary>Reads the relocations of a file; those that are malformed are left out.</summary>
    /// <param name="file">The file.</param>
    /// <param name="cancellation">Stops the work.</param>
    public static ImageRelocations Read(ElfFile file, CancellationToken cancellation)
    {
        List<ImageRelocation> items = [];
        try
        {
            Dictionary<ulong, ulong> dynamic = [];
            foreach (ElfDynamicEntry entry in file.Dynamic)
            {
                dynamic.TryAdd((ulong)entry.Tag, entry.Value);
            }

            if (dynamic.Count > 0)
            {
                AddTable(file, dynamic, (ulong)ElfDynamicTag.RelocationsWithAddends, RelaBytes, true, items, cancellation);
                AddTable(file, dynamic, Rel, RelBytes, false, items, cancellation);
                bool hasAddends = dynamic.GetValueOrDefault(PltRel) == (ulong)ElfDynamicTag.RelocationsWithAddends;
                AddTable(file, dynamic, JumpRel, (ulong)ElfDynamicTag.PltRelocationBytes, hasAddends, items, cancellation);
                AddRelative(file, dynamic, items, cancellation);
            }
            else
            {
                foreach (ElfSection section in file.Sections.Where(section => section.IsLoaded
                    && section.Type is ElfSectionType.Relocations or ElfSectionType.RelocationsWithAddends))
                {
                    Add(file, section.Offset, section.SizeBytes, section.Type == ElfSectionType.RelocationsWithAddends, items,
                        cancellation);
                }
            }
        }
        catch (MemProcException)
        {
            // What they would explain stays unexplained.
        }

        return new ImageRelocations(file, items);
    }

    /// <summary>Returns the relocation that changes a byte; null where none does.</summary>
    public ImageRelocation? At(ulong imageAddress)
    {
        int index = Array.BinarySearch(_addresses, imageAddress);
        index = index >= 0 ? index : ~index - 1;
        for (; index >= 0 && imageAddress - _addresses[index] < 2 * (ulong)WordBytes; index--)
        {
            if (imageAddress - _addresses[index] < (ulong)SizeOf(_items[index]))
            {
                return _items[index];
            }
        }

        return null;
    }

    /// <summary>The name of a type, without the processor: <c>RELATIVE</c>.</summary>
    public string NameOf(ImageRelocation relocation) => _names.GetValueOrDefault(relocation.Type) ?? $"type {relocation.Type}";

    /// <summary>The symbol of a relocation; null where it has none.</summary>
    public ElfSymbol? SymbolOf(ImageRelocation relocation)
    {
        try
        {
            return relocation.SymbolIndex > 0 ? _file.DynamicSymbol(relocation.SymbolIndex) : null;
        }
        catch (MemProcException)
        {
            return null;
        }
    }

    /// <summary>Whether a relocation adds the load bias to a number of the file.</summary>
    public bool IsRelative(ImageRelocation relocation) => NameOf(relocation) == "RELATIVE";

    /// <summary>Whether a relocation stores the address of a symbol or function.</summary>
    public bool IsPointer(ImageRelocation relocation) =>
        NameOf(relocation) is "GLOB_DAT" or "JUMP_SLOT" or "64" or "32" or "ABS64" or "ABS32" or "IRELATIVE";

    /// <summary>
    /// What a relocation adds to the address of its symbol: its addend, or the number that the file has at the place. The
    /// entries of a .got have none there, and the addend of IRELATIVE is a function.
    /// </summary>
    public ulong AddedBy(ImageRelocation relocation, ulong stored) => NameOf(relocation) switch
    {
        "IRELATIVE" => 0,
        "GLOB_DAT" or "JUMP_SLOT" => relocation.Addend ?? 0,
        _ => relocation.Addend ?? stored,
    };

    /// <summary>Bytes that a relocation changes: descriptors of thread-local variables have two words.</summary>
    public int SizeOf(ImageRelocation relocation) => NameOf(relocation) is "TLSDESC" or "TLS_DESC" ? 2 * WordBytes : WordBytes;

    private static void AddTable(ElfFile file, Dictionary<ulong, ulong> dynamic, ulong tag, ulong sizeTag, bool hasAddends,
        List<ImageRelocation> items, CancellationToken cancellation)
    {
        if (dynamic.TryGetValue(tag, out ulong address) && dynamic.TryGetValue(sizeTag, out ulong size)
            && file.OffsetOf(address) is ulong offset)
        {
            Add(file, offset, size, hasAddends, items, cancellation);
        }
    }

    private static void Add(ElfFile file, ulong offset, ulong size, bool hasAddends, List<ImageRelocation> items,
        CancellationToken cancellation)
    {
        int word = file.Format.Is64Bit ? sizeof(ulong) : sizeof(uint);
        int entry = word * (hasAddends ? 3 : 2);
        byte[] bytes = file.Source.ReadExactly(offset, size, "its relocations");
        for (int at = 0; at + entry <= bytes.Length && items.Count < MaxCount; at += entry)
        {
            if (at % (1 << 16) == 0)
            {
                cancellation.ThrowIfCancellationRequested();
            }

            ElfFieldReader fields = new(bytes.AsSpan(at, entry), file.Format);
            ulong address = fields.ReadNative(), info = fields.ReadNative();
            items.Add(new ImageRelocation(address, file.Format.Is64Bit ? (uint)info : (byte)info,
                (uint)(file.Format.Is64Bit ? info >> 32 : info >> 8), hasAddends ? fields.ReadNative() : null));
        }
    }

    /// <summary>
    /// Reads DT_RELR: an even word is the address of a relative relocation; an odd one after it is a bitmap of the words that
    /// follow.
    /// </summary>
    private static void AddRelative(ElfFile file, Dictionary<ulong, ulong> dynamic, List<ImageRelocation> items,
        CancellationToken cancellation)
    {
        if (!dynamic.TryGetValue(Relr, out ulong table) || !dynamic.TryGetValue(RelrBytes, out ulong size)
            || file.OffsetOf(table) is not ulong offset)
        {
            return;
        }

        uint type = (ElfMachine)file.Raw.Machine switch { ElfMachine.Arm64 => 1027, ElfMachine.Arm => 23, _ => 8 };
        int word = file.Format.Is64Bit ? sizeof(ulong) : sizeof(uint);
        byte[] bytes = file.Source.ReadExactly(offset, size, "its relative relocations");
        ulong next = 0;
        for (int at = 0; at + word <= bytes.Length && items.Count < MaxCount; at += word)
        {
            cancellation.ThrowIfCancellationRequested();
            ulong value = new ElfFieldReader(bytes.AsSpan(at, word), file.Format).ReadNative();
            if ((value & 1) == 0)
            {
                items.Add(new ImageRelocation(value, type, 0, null));
                next = value + (ulong)word;
                continue;
            }

            for (int bit = 1; bit < 8 * word; bit++)
            {
                if ((value >> bit & 1) != 0)
                {
                    items.Add(new ImageRelocation(next + (ulong)((bit - 1) * word), type, 0, null));
                }
            }

            next += (ulong)((8 * word - 1) * word);
        }
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>Disassembles ELF files. Symbols come from the file itself: the full table where it has one, else the dynamic one.</summary>
public sealed class ElfDisassembler
{
    private const int PieceBytes = 64 * 1024;

    private readonly ElfFile _file;
    private readonly DisassemblyOptions _options;
    private readonly CancellationToken _cancellation;
    private readonly ElfSection[] _sections;
    private readonly Lazy<SymbolIndex?> _symbols;
    private readonly Lazy<LinkageNames> _linkage;
    private readonly bool _isRelocatable;

    /// <summary>Prepares to disassemble.</summary>
    /// <param name="file">The file. It has to stay open as long as this is used.</param>
    /// <param name="options">How to disassemble.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="MemProcException">ReadElf: its section headers are malformed.</exception>
    public ElfDisassembler(ElfFile file, DisassemblyOptions options, CancellationToken cancellation = default)
    {
        _file = file;
        _options = options;
        _cancellation = cancellation;
        _sections = [.. file.Sections];
        _isRelocatable = file.Type == ElfType.Relocatable;
        _linkage = new Lazy<LinkageNames>(() => LinkageNames.Read(file, cancellation));
        _symbols = new Lazy<SymbolIndex?>(() => file.SymbolTable(file.PreferredTable) is ElfSymbolTable table
            ? new SymbolIndex(table, (ElfMachine)file.Raw.Machine,
                file.PreferredTable == ElfSymbolSource.Full ? SymbolOrigin.Full : SymbolOrigin.Dynamic, cancellation)
            : null);
    }

    /// <summary>Disassembles sections.</summary>
    /// <param name="isSelected">
    /// Selects sections by name; null: all that contain code, or the executable segments where there are no sections.
    /// </param>
    /// <param name="count">Maximum number of instructions of each section; null: any.</param>
    /// <exception cref="MemProcException">
    /// Disassemble: EOPNOTSUPP, the code is not for x86; ENOENT, no section with bytes is selected. ReadElf: the file is
    /// malformed, or cannot be read.
    /// </exception>
    public IEnumerable<ElfInstruction> DisassembleSections(Func<string, bool>? isSelected, ulong? count = null)
    {
        ElfSection[] selected = Array.FindAll(_sections, section => section.Type is not (ElfSectionType.NoBits or ElfSectionType.Null)
            && (isSelected is null ? section.IsExecutable : isSelected(section.Name)));
        if (selected.Length == 0 && (isSelected is not null || _sections.Length > 0))
        {
            throw new MemProcException(Operation.Disassemble, Errno.ENOENT, isSelected is null
                ? $"{SafeText.Escape(_file.Name)} has no section with code."
                : $"{SafeText.Escape(_file.Name)} has no such section with bytes in the file.", _file.Name);
        }

        IEnumerable<Range> ranges = selected.Length > 0
            ? selected.Select(section => new Range(section, section.VirtualAddress, section.Offset, section.SizeBytes))
            : _file.Segments.Where(segment => segment.Type == ElfSegmentType.Load && segment.Permissions.EndsWith('x'))
                .Select(segment => new Range(null, segment.VirtualAddress, segment.Offset, segment.FileBytes));
        return ranges.SelectMany(range => Disassemble(range, range.Address, range.Length, count, toSymbolEnd: false));
    }

    /// <summary>Disassembles the functions with a name, as stored or demangled.</summary>
    /// <param name="name">The name.</param>
    /// <param name="count">Maximum number of instructions of each; null: any.</param>
    /// <exception cref="MemProcException">
    /// Disassemble: EOPNOTSUPP, the code is not for x86; ENOENT, no symbol with bytes has the name. ReadElf: the file is
    /// malformed, or cannot be read.
    /// </exception>
    public IEnumerable<ElfInstruction> DisassembleSymbol(string name, ulong? count = null)
    {
        ElfSymbol[] found = [.. _file.Symbols(_file.PreferredTable)
            .Where(symbol => symbol.HasSection && symbol.SectionIndex < _sections.Length
                && symbol.Type is not (ElfSymbolType.Section or ElfSymbolType.File or ElfSymbolType.Tls)
                && _sections[symbol.SectionIndex].Type != ElfSectionType.NoBits && IsNamed(symbol, name))
            .DistinctBy(symbol => (symbol.SectionIndex, symbol.Value))];
        return found.Length > 0 ? found.SelectMany(symbol => Disassemble(symbol, count))
            : throw new MemProcException(Operation.Disassemble, Errno.ENOENT,
                $"{SafeText.Escape(_file.Name)} has no symbol {SafeText.Escape(name)} with bytes in the file.", _file.Name);
    }

    private static bool IsNamed(ElfSymbol symbol, string name)
    {
        // In the full table a version is part of the name.
        int version = symbol.Name.IndexOf('@');
        ReadOnlySpan<char> stored = version > 0 ? symbol.Name.AsSpan(0, version) : symbol.Name;
        return stored.SequenceEqual(name) || (stored.StartsWith("_Z")
            && symbol.DemangledName is string demangled
            && (demangled == name || demangled.StartsWith($"{name}(", StringComparison.Ordinal)));
    }

    private IEnumerable<ElfInstruction> Disassemble(ElfSymbol symbol, ulong? count)
    {
        ElfSection section = _sections[symbol.SectionIndex];
        Range range = new(section, section.VirtualAddress, section.Offset, section.SizeBytes);
        ulong left = unchecked(section.VirtualAddress + section.SizeBytes - symbol.Value);
        return left > section.SizeBytes
            ? throw _file.Source.Malformed($"the symbol {SafeText.Escape(symbol.Name)} is outside its section")
            : Disassemble(range, symbol.Value, symbol.SizeBytes > 0 ? Math.Min(symbol.SizeBytes, left) : left, count,
                toSymbolEnd: symbol.SizeBytes == 0);
    }

    private IEnumerable<ElfInstruction> Disassemble(Range range, ulong address, ulong length, ulong? count, bool toSymbolEnd)
    {
        int bits = _options.Bits ?? InstructionReader.BitsOf((ElfMachine)_file.Raw.Machine, SafeText.Escape(_file.Name));
        InstructionReader reader = new(_options.Syntax, bits, known => PlaceOf(known, range.Section));
        ulong most = count ?? ulong.MaxValue;
        CodePlace start = PlaceOf(address, range.Section);
        foreach (InstructionFields fields in reader.Read(Pieces(range, address), unchecked(address + length)))
        {
            _cancellation.ThrowIfCancellationRequested();
            if (toSymbolEnd && !fields.Place.IsSameAs(start))
            {
                break;
            }

            yield return new ElfInstruction(fields);
            if (--most == 0)
            {
                break;
            }
        }
    }

    /// <summary>Reads a range of the file, from an address of it on.</summary>
    private IEnumerable<CodePiece> Pieces(Range range, ulong address)
    {
        ulong skipped = address - range.Address;
        if (!_file.Source.Contains(range.Offset, range.Length))
        {
            throw _file.Source.Malformed($"{range} extends past its end");
        }

        byte[] buffer = new byte[(int)Math.Min(range.Length, PieceBytes)];
        for (ulong done = skipped; done < range.Length;)
        {
            int size = (int)Math.Min(range.Length - done, (ulong)buffer.Length);
            int read = _file.Source.Read(range.Offset + done, buffer.AsSpan(0, size));
            if (read == 0)
            {
                throw _file.Source.Malformed($"{range} cannot be read after offset 0x{range.Offset + done:x}");
            }

            yield return new CodePiece(range.Address + done, buffer.AsMemory(0, read));
            done += (ulong)read;
        }
    }

    /// <summary>What an address belongs to. In an object file, where all sections begin at 0, it is in the same section.</summary>
    private CodePlace PlaceOf(ulong address, ElfSection? section)
    {
        if (!_isRelocatable && section?.Covers(address) != true)
        {
            section = Array.Find(_sections, other => other.IsLoaded && other.Covers(address));
        }

        ResolvedSymbol? symbol = section is null && _sections.Length > 0 ? null
            : _symbols.Value?.At(address, section is null ? null : (uint)section.Index);
        symbol ??= section is null || _isRelocatable ? null : _linkage.Value.At(address, section);
        return new CodePlace(_file.Source.Path, _file.Source.Member, null, section, symbol, symbol?.Start);
    }

    /// <summary>A range of the file that contains code.</summary>
    private sealed record Range(ElfSection? Section, ulong Address, ulong Offset, ulong Length)
    {
        public override string ToString() =>
            Section is null ? $"the segment at 0x{Address:x}" : $"its section {SafeText.Escape(Section.Name)}";
    }
}

namespace MemProc;

/// <summary>
/// An ELF image: a file, an array, or what a process has mapped of one. Counts, sizes and offsets are checked against the
/// image before they are used: a malformed or hostile image is an error that costs neither memory nor time.
/// </summary>
public sealed class ElfFile : IDisposable
{
    private const int IdentityBytes = 16;
    private const ushort ExtendedCount = 0xffff;

    /// <summary>
    /// Largest product of segments and sections. Valid files stay far below: a core has many segments and no sections, an
    /// object file many sections and no segments.
    /// </summary>
    private const long MaxPairs = 1 << 22;

    private readonly Lazy<ElfSegment[]> _segments;
    private readonly Lazy<ElfSection[]> _sections;
    private readonly Lazy<ElfTables> _tables;

    private ElfFile(ElfSource source, ElfFormat format, byte[] header)
    {
        Source = source;
        Format = format;
        Raw = RawHeader.Parse(header, format);
        _sections = new Lazy<ElfSection[]>(ReadSections);
        _segments = new Lazy<ElfSegment[]>(ReadSegments);
        _tables = new Lazy<ElfTables>(() => new ElfTables(this));
    }

    /// <summary>Name of the image in messages: its path.</summary>
    public string Name => Source.Name;

    /// <summary>The header.</summary>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: it is malformed.</exception>
    public ElfHeader Header => new()
    {
        Path = Source.Path,
        Member = Source.Member,
        Bits = Format.Is64Bit ? 64 : 32,
        IsBigEndian = Format.IsBigEndian,
        OsAbi = Raw.OsAbi,
        AbiVersion = Raw.AbiVersion,
        Type = Type,
        Machine = (ElfMachine)Raw.Machine,
        Version = Raw.Version,
        EntryPoint = Raw.Entry,
        SegmentOffset = Raw.SegmentOffset,
        SectionOffset = Raw.SectionOffset,
        Flags = Raw.Flags,
        HeaderBytes = Raw.HeaderBytes,
        SegmentHeaderBytes = Raw.SegmentBytes,
        SegmentCount = SegmentCount,
        SectionHeaderBytes = Raw.SectionBytes,
        SectionCount = SectionCount,
        SectionNameIndex = SectionNameIndex,
        BuildId = BuildId,
    };

    /// <summary>Kind of the file.</summary>
    public ElfType Type => (ElfType)Raw.Type;

    /// <summary>The program headers.</summary>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: they are outside the image.</exception>
    public IReadOnlyList<ElfSegment> Segments => _segments.Value;

    /// <summary>The section headers; empty where the image has none, or they are not in memory.</summary>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: they are outside the image.</exception>
    public IReadOnlyList<ElfSection> Sections => _sections.Value;

    /// <summary>The build id in hex, from the note NT_GNU_BUILD_ID; null where there is none.</summary>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: the notes are malformed.</exception>
    public string? BuildId
    {
        get
        {
            const uint NtGnuBuildId = 3;
            const int MaxBytes = 64;
            ElfNote? note = Notes.FirstOrDefault(note => note.Type == NtGnuBuildId && note.Owner == "GNU"
                && note.Content.Length is > 0 and <= MaxBytes);
            return note is null ? null : Convert.ToHexStringLower(note.Content);
        }
    }

    /// <summary>The notes.</summary>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: they are malformed.</exception>
    public IEnumerable<ElfNote> Notes => _tables.Value.Notes();

    /// <inheritdoc cref="ElfTables.NoteHeads"/>
    internal IEnumerable<ElfNoteHead> NoteHeads(Action<MemProcException> fault) => _tables.Value.NoteHeads(fault);

    /// <summary>The dynamic section; empty where there is none.</summary>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: it is malformed.</exception>
    public IEnumerable<ElfDynamicEntry> Dynamic => _tables.Value.Dynamic();

    /// <summary>The table with more symbols: the full one where the image has it, else the dynamic one.</summary>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: the section headers are outside the image.</exception>
    public ElfSymbolSource PreferredTable => Sections.Any(section => section.Type == ElfSectionType.SymbolTable)
        ? ElfSymbolSource.Full
        : ElfSymbolSource.Dynamic;

    internal ElfSource Source { get; }

    internal ElfFormat Format { get; }

    internal RawHeader Raw { get; }

    internal ElfTarget Target => new((ElfMachine)Raw.Machine, Raw.OsAbi);

    private uint SegmentCount => Raw.SegmentCount == ExtendedCount && First is ElfSection first ? first.Info : Raw.SegmentCount;

    private uint SectionNameIndex =>
        Raw.SectionNameIndex == ExtendedCount && First is ElfSection first ? first.Link : Raw.SectionNameIndex;

    private uint SectionCount => Raw.SectionCount == 0 && Raw.SectionOffset != 0 && First is ElfSection first
        ? (uint)Math.Min(first.SizeBytes, uint.MaxValue)
        : Raw.SectionCount;

    /// <summary>
    /// The first section header, which holds the counts that do not fit the ELF header; null where there is none.
    /// </summary>
    private ElfSection? First
    {
        get
        {
            if (Raw.SectionOffset == 0 || Raw.SectionBytes < Format.SectionBytes)
            {
                return null;
            }

            byte[] bytes = new byte[Format.SectionBytes];
            return Source.Read(Raw.SectionOffset, bytes) == bytes.Length ? ParseSection(bytes, 0, out _) : null;
        }
    }

    /// <summary>Whether an image begins with the ELF magic number.</summary>
    /// <exception cref="MemProcException">ReadElf: it cannot be read.</exception>
    public static bool IsElf(ElfSource source)
    {
        Span<byte> start = stackalloc byte[4];
        return source.Read(0, start) == start.Length && start.SequenceEqual("\u007fELF"u8);
    }

    /// <summary>Reads an image.</summary>
    /// <param name="source">The bytes of the image; it is disposed with this.</param>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: it is not an ELF file, or its header is malformed.</exception>
    public static ElfFile Read(ElfSource source)
    {
        try
        {
            byte[] header = new byte[64];
            int length = source.Read(0, header);
            if (length < IdentityBytes || !header.AsSpan().StartsWith("\u007fELF"u8))
            {
                throw source.Malformed("it is not an ELF file");
            }

            (byte bits, byte order) = (header[4], header[5]);
            if (bits is not (1 or 2) || order is not (1 or 2))
            {
                throw source.Malformed($"its header has an unknown class {bits} or byte order {order}");
            }

            ElfFormat format = new(Is64Bit: bits == 2, IsBigEndian: order == 2);
            return length >= format.HeaderBytes
                ? new ElfFile(source, format, header)
                : throw source.Malformed("its header is cut off");
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The path.</param>
    /// <param name="cancellation">Stops reads, of all its tables too.</param>
    /// <inheritdoc cref="Read" path="/exception"/>
    public static ElfFile Open(string path, CancellationToken cancellation = default) =>
        Read(ElfFileSource.Open(path, cancellation));

    /// <summary>The program headers, each with the names of its sections.</summary>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: they are outside the image.</exception>
    public IEnumerable<ElfSegment> SegmentsWithSections()
    {
        if ((long)Segments.Count * Sections.Count > MaxPairs)
        {
            throw Source.Malformed(
                $"it has {Segments.Count} program headers and {Sections.Count} sections, more than a valid file has");
        }

        return Segments.Select(segment => segment with
        {
            Sections = [.. Sections.Where(section => section.LiesIn(segment)).Select(section => section.Name)],
        });
    }

    /// <summary>
    /// The symbols of a table in its order, without the empty first one; empty where there is no such table.
    /// </summary>
    /// <param name="kind">Which table.</param>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: it is malformed.</exception>
    public IEnumerable<ElfSymbol> Symbols(ElfSymbolSource kind)
    {
        ElfSymbolTable? table = SymbolTable(kind);
        return table?.Entries().Skip(1).Select(entry => table.Symbol(entry)) ?? [];
    }

    /// <inheritdoc/>
    public void Dispose() => Source.Dispose();

    internal ElfSymbolTable? SymbolTable(ElfSymbolSource kind) => _tables.Value.Symbols(kind);

    /// <summary>A symbol of the table for dynamic linking; null where it has no such symbol.</summary>
    /// <exception cref="MemProcException">ReadElf: the table is malformed.</exception>
    internal ElfSymbol? DynamicSymbol(uint index) =>
        SymbolTable(ElfSymbolSource.Dynamic) is ElfSymbolTable table && index < (uint)table.Count
            ? table.Symbol(table[(int)index])
            : null;

    /// <summary>The file offset of an address of the image; null where no byte of the file is loaded there.</summary>
    internal ulong? OffsetOf(ulong address) =>
        Segments.FirstOrDefault(segment => segment.Covers(address) && address - segment.VirtualAddress < segment.FileBytes)
            is ElfSegment segment ? address - segment.VirtualAddress + segment.Offset : null;

    private ElfSegment[] ReadSegments()
    {
        uint count = SegmentCount;
        if (count == 0)
        {
            return [];
        }

        byte[] table = ReadTable(Raw.SegmentOffset, Raw.SegmentBytes, Format.SegmentBytes, count, "its program headers");
        ElfSegment[] segments = new ElfSegment[count];
        for (int index = 0; index < segments.Length; index++)
        {
            segments[index] = ParseSegment(table.AsSpan(index * Raw.SegmentBytes), index);
        }

        return segments;
    }

    private ElfSegment ParseSegment(ReadOnlySpan<byte> bytes, int index)
    {
        ElfFieldReader fields = new(bytes, Format);
        uint type = fields.ReadWord();
        uint flags = Format.Is64Bit ? fields.ReadWord() : 0;
        ulong offset = fields.ReadNative(), address = fields.ReadNative(), physical = fields.ReadNative();
        ulong fileBytes = fields.ReadNative(), memoryBytes = fields.ReadNative();
        flags = Format.Is64Bit ? flags : fields.ReadWord();
        return new ElfSegment
        {
            Path = Source.Path,
            Member = Source.Member,
            Target = Target,
            Index = index,
            Type = (ElfSegmentType)type,
            Flags = flags,
            Offset = offset,
            VirtualAddress = address,
            PhysicalAddress = physical,
            FileBytes = fileBytes,
            MemoryBytes = memoryBytes,
            Alignment = fields.ReadNative(),
        };
    }

    private ElfSection[] ReadSections()
    {
        uint count = SectionCount;
        if (count == 0 || Raw.SectionOffset == 0)
        {
            return [];
        }

        if (Source.IsMemory && !IsInMemory(count))
        {
            return [];
        }

        byte[] table = ReadTable(Raw.SectionOffset, Raw.SectionBytes, Format.SectionBytes, count, "its section headers");
        (ElfSection Section, uint Name)[] found = new (ElfSection, uint)[count];
        for (int index = 0; index < found.Length; index++)
        {
            ElfSection section = ParseSection(table.AsSpan(index * Raw.SectionBytes), index, out uint name);
            found[index] = (section, name);
        }

        uint names = SectionNameIndex;
        if (names == 0 || names >= count)
        {
            return [.. found.Select(item => item.Section)];
        }

        ElfStringTable strings = new(Source, found[names].Section.Offset, found[names].Section.SizeBytes);
        return [.. found.Select(item => item.Section with { Name = strings[item.Name] })];
    }

    private bool IsInMemory(uint count)
    {
        Span<byte> last = stackalloc byte[1];
        ulong length = (ulong)count * Raw.SectionBytes;
        return Source.Contains(Raw.SectionOffset, length) && Source.Read(Raw.SectionOffset + length - 1, last) == 1
            && Source.Read(Raw.SectionOffset, last) == 1;
    }

    private ElfSection ParseSection(ReadOnlySpan<byte> bytes, int index, out uint name)
    {
        ElfFieldReader fields = new(bytes, Format);
        name = fields.ReadWord();
        return new ElfSection
        {
            Path = Source.Path,
            Member = Source.Member,
            Target = Target,
            Index = index,
            Name = string.Empty,
            Type = (ElfSectionType)fields.ReadWord(),
            Flags = fields.ReadNative(),
            VirtualAddress = fields.ReadNative(),
            Offset = fields.ReadNative(),
            SizeBytes = fields.ReadNative(),
            Link = fields.ReadWord(),
            Info = fields.ReadWord(),
            Alignment = fields.ReadNative(),
            EntryBytes = fields.ReadNative(),
        };
    }

    private byte[] ReadTable(ulong offset, int size, int least, uint count, string what) => size >= least
        ? Source.ReadExactly(offset, (ulong)size * count, what)
        : throw Source.Malformed($"{what} have {size} bytes each, at least {least} were expected");

    /// <summary>The raw fields of the header.</summary>
    internal readonly record struct RawHeader(
        byte OsAbi, byte AbiVersion, ushort Type, ushort Machine, uint Version, ulong Entry, ulong SegmentOffset,
        ulong SectionOffset, uint Flags, ushort HeaderBytes, ushort SegmentBytes, ushort SegmentCount,
        ushort SectionBytes, ushort SectionCount, ushort SectionNameIndex)
    {
        public static RawHeader Parse(ReadOnlySpan<byte> header, ElfFormat format)
        {
            ElfFieldReader fields = new(header[IdentityBytes..], format);
            return new RawHeader(header[7], header[8], fields.ReadHalf(), fields.ReadHalf(), fields.ReadWord(), fields.ReadNative(),
                fields.ReadNative(), fields.ReadNative(), fields.ReadWord(), fields.ReadHalf(), fields.ReadHalf(), fields.ReadHalf(),
                fields.ReadHalf(), fields.ReadHalf(), fields.ReadHalf());
        }
    }
}

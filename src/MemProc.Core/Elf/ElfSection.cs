namespace MemProc;

/// <summary>A section header of an ELF file (<c>Elf64_Shdr</c> of elf(5)).</summary>
public record ElfSection
{
    internal const ulong WriteFlag = 1;
    internal const ulong AllocFlag = 2;
    internal const ulong ExecuteFlag = 4;
    internal const ulong ThreadLocalFlag = 0x400;

    /// <summary>The letters that readelf prints, by bit.</summary>
    private static readonly (ulong Bit, char Letter)[] Letters =
    [
        (WriteFlag, 'W'), (AllocFlag, 'A'), (ExecuteFlag, 'X'), (0x10, 'M'), (0x20, 'S'), (0x40, 'I'), (0x80, 'L'),
        (0x100, 'O'), (0x200, 'G'), (ThreadLocalFlag, 'T'), (0x800, 'C'), (0x20_0000, 'R'), (0x8000_0000, 'E'),
    ];

    /// <summary>Path of the file, or of the mapping in a process.</summary>
    public required string Path { get; init; }

    /// <summary>Index in the list, from 0; the first section is always empty.</summary>
    public required int Index { get; init; }

    /// <summary>Name.</summary>
    public required string Name { get; init; }

    /// <summary>Kind of its content.</summary>
    public required ElfSectionType Type { get; init; }

    /// <summary><see cref="Type"/> as readelf prints it: <c>PROGBITS</c>.</summary>
    public string TypeName => ElfNames.Of(Type);

    /// <summary>The raw flags.</summary>
    public required ulong Flags { get; init; }

    /// <summary>Address in the image; 0 where it is not loaded.</summary>
    public required ulong VirtualAddress { get; init; }

    /// <summary>Offset in the file, bytes.</summary>
    public required ulong Offset { get; init; }

    /// <summary>Size in bytes; a section of type NoBits has no bytes in the file.</summary>
    public required ulong SizeBytes { get; init; }

    /// <summary>Index of a related section; the meaning depends on the type.</summary>
    public required uint Link { get; init; }

    /// <summary>Additional information; the meaning depends on the type.</summary>
    public required uint Info { get; init; }

    /// <summary>Alignment of the address, bytes.</summary>
    public required ulong Alignment { get; init; }

    /// <summary>Bytes of an entry of a table; 0 where it is not a table.</summary>
    public required ulong EntryBytes { get; init; }

    /// <summary>
    /// The flags as letters: <c>AX</c> for code, <c>WA</c> for data. A lowercase x stands for other flags.
    /// </summary>
    public string FlagLetters
    {
        get
        {
            string known = string.Concat(Letters.Where(flag => (Flags & flag.Bit) != 0).Select(flag => flag.Letter));
            ulong names = Letters.Aggregate(0UL, (sum, flag) => sum | flag.Bit);
            return (Flags & ~names) == 0 ? known : known + "x";
        }
    }

    /// <summary>It occupies memory when the file is loaded.</summary>
    public bool IsLoaded => (Flags & AllocFlag) != 0;

    /// <summary>
    /// Whether an address of the image is in the section. Thread-local zeros have no address in the image.
    /// </summary>
    internal bool Covers(ulong address) => IsLoaded && address >= VirtualAddress && address - VirtualAddress < SizeBytes
        && !(Type == ElfSectionType.NoBits && (Flags & ThreadLocalFlag) != 0);

    /// <summary>Whether the section is in a segment, by the rules of readelf.</summary>
    internal bool LiesIn(ElfSegment segment)
    {
        bool isThreadLocal = (Flags & ThreadLocalFlag) != 0;
        bool isOfSegment = isThreadLocal
            ? segment.Type is ElfSegmentType.Tls or ElfSegmentType.Load or ElfSegmentType.GnuRelRo
            : segment.Type is not (ElfSegmentType.Tls or ElfSegmentType.ProgramHeaders);
        bool isZeroesOfThreads = isThreadLocal && Type == ElfSectionType.NoBits && segment.Type != ElfSegmentType.Tls;
        if (Type == ElfSectionType.Null || !isOfSegment || isZeroesOfThreads
            || (!IsLoaded && segment.Type is ElfSegmentType.Load or ElfSegmentType.Dynamic or ElfSegmentType.GnuEhFrame
                or ElfSegmentType.GnuRelRo or ElfSegmentType.GnuStack or ElfSegmentType.GnuSFrame))
        {
            return false;
        }

        // An empty section at either end of these segments belongs to the neighbouring segment.
        if (SizeBytes == 0 && segment.MemoryBytes > 0 && segment.Type is (ElfSegmentType.Dynamic or ElfSegmentType.Note)
            && (Offset == segment.Offset || Offset == segment.Offset + segment.FileBytes))
        {
            return false;
        }

        bool isInFile = Type == ElfSectionType.NoBits || Within(Offset, segment.Offset, segment.FileBytes);
        bool isInMemory = !IsLoaded || Within(VirtualAddress, segment.VirtualAddress, segment.MemoryBytes);
        return isInFile && isInMemory;
    }

    private bool Within(ulong start, ulong from, ulong length) =>
        start >= from && start - from <= length && SizeBytes <= length - (start - from)
        && (start - from < length || length == 0);
}

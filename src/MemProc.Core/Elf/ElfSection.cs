namespace MemProc;

/// <summary>A section header of an ELF file (<c>Elf64_Shdr</c> of elf(5)).</summary>
public record ElfSection
{
    internal const ulong WriteFlag = 1;
    internal const ulong AllocFlag = 2;
    internal const ulong ExecuteFlag = 4;
    internal const ulong ThreadLocalFlag = 0x400;

    /// <summary>Path of the file, or of the mapping in a process.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the member, where <see cref="Path"/> is an archive; otherwise null.</summary>
    public string? Member { get; init; }

    /// <summary>The processor and the operating system that some names depend on.</summary>
    internal ElfTarget Target { get; init; }

    /// <summary>Index in the list, from 0; the first section is always empty.</summary>
    public required int Index { get; init; }

    /// <summary>Name.</summary>
    public required string Name { get; init; }

    /// <summary>Kind of its content.</summary>
    public required ElfSectionType Type { get; init; }

    /// <summary><see cref="Type"/> as readelf prints it: <c>PROGBITS</c>.</summary>
    public string TypeName => ElfNames.Of(Type, Target);

    /// <summary>The raw flags.</summary>
    public required ulong Flags { get; init; }

    /// <summary><see cref="Flags"/> in hex.</summary>
    public string FlagsHex => HexText.Of(Flags);

    /// <summary>Address in the image; 0 where it is not loaded.</summary>
    public required ulong VirtualAddress { get; init; }

    /// <summary><see cref="VirtualAddress"/> in hex.</summary>
    public string VirtualAddressHex => HexText.Of(VirtualAddress);

    /// <summary>Offset in the file, bytes.</summary>
    public required ulong Offset { get; init; }

    /// <summary><see cref="Offset"/> in hex.</summary>
    public string OffsetHex => HexText.Of(Offset);

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
    /// The flags as the letters that readelf prints: <c>AX</c> for code, <c>WA</c> for data. Lowercase o, p and x stand for
    /// other flags of the operating system, of the processor, and unknown ones.
    /// </summary>
    public string FlagLetters => ElfNames.OfFlags(Flags, Target);

    /// <summary>It occupies memory when the file is loaded.</summary>
    public bool IsLoaded => (Flags & AllocFlag) != 0;

    /// <summary>It contains code.</summary>
    internal bool IsExecutable => (Flags & ExecuteFlag) != 0;

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

    /// <summary>Returns index and name.</summary>
    public sealed override string ToString() => $"{Index} {SafeText.Escape(Name)}";
}

namespace MemProc;

/// <summary>The header of an ELF file (<c>Elf64_Ehdr</c> of elf(5)).</summary>
public record ElfHeader
{
    /// <summary>Path of the file, or of the mapping in a process.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the member, where <see cref="Path"/> is an archive; otherwise null.</summary>
    public string? Member { get; init; }

    /// <summary>32 or 64.</summary>
    public required int Bits { get; init; }

    /// <summary>The most significant byte of a number comes first.</summary>
    public required bool IsBigEndian { get; init; }

    /// <summary>Operating system ABI; 0: System V, 3: GNU/Linux.</summary>
    public required byte OsAbi { get; init; }

    /// <summary>Name of <see cref="OsAbi"/>: <c>GNU</c>.</summary>
    public string OsAbiName => ElfNames.OfOsAbi(OsAbi);

    /// <summary>Version of <see cref="OsAbi"/>.</summary>
    public required byte AbiVersion { get; init; }

    /// <summary>Kind of the file.</summary>
    public required ElfType Type { get; init; }

    /// <summary>Processor architecture.</summary>
    public required ElfMachine Machine { get; init; }

    /// <summary>Version of the format: 1.</summary>
    public required uint Version { get; init; }

    /// <summary>Entry point, an address of the image; 0: none.</summary>
    public required ulong EntryPoint { get; init; }

    /// <summary><see cref="EntryPoint"/> in hex.</summary>
    public string EntryPointHex => HexText.Of(EntryPoint);

    /// <summary>Offset of the program headers, bytes.</summary>
    public required ulong SegmentOffset { get; init; }

    /// <summary><see cref="SegmentOffset"/> in hex.</summary>
    public string SegmentOffsetHex => HexText.Of(SegmentOffset);

    /// <summary>Offset of the section headers, bytes.</summary>
    public required ulong SectionOffset { get; init; }

    /// <summary><see cref="SectionOffset"/> in hex.</summary>
    public string SectionOffsetHex => HexText.Of(SectionOffset);

    /// <summary>Processor-specific flags.</summary>
    public required uint Flags { get; init; }

    /// <summary><see cref="Flags"/> in hex.</summary>
    public string FlagsHex => HexText.Of(Flags);

    /// <summary>Bytes of this header.</summary>
    public required ushort HeaderBytes { get; init; }

    /// <summary>Bytes of a program header.</summary>
    public required ushort SegmentHeaderBytes { get; init; }

    /// <summary>
    /// Number of program headers. A count that does not fit its field is taken from the first section header.
    /// </summary>
    public required uint SegmentCount { get; init; }

    /// <summary>Bytes of a section header.</summary>
    public required ushort SectionHeaderBytes { get; init; }

    /// <summary>
    /// Number of section headers. A count that does not fit its field is taken from the first of them.
    /// </summary>
    public required uint SectionCount { get; init; }

    /// <summary>Index of the section with the names of the sections.</summary>
    public required uint SectionNameIndex { get; init; }

    /// <summary>The build id in hex, from the note NT_GNU_BUILD_ID; null where there is none.</summary>
    public required string? BuildId { get; init; }

    /// <summary>Returns the file and its type.</summary>
    public sealed override string ToString() => $"{SafeText.Escape(Path)}: {Type} {Machine}";
}

/// <summary>Kind of an ELF file (<c>ET_*</c>). Other values stay numbers.</summary>
public enum ElfType : ushort
{
    /// <summary>Unknown.</summary>
    None = 0,
    /// <summary>An object file, input of the linker.</summary>
    Relocatable = 1,
    /// <summary>A program for fixed addresses.</summary>
    Executable = 2,
    /// <summary>A shared object, or a program for any address.</summary>
    SharedObject = 3,
    /// <summary>A core: the memory of a process.</summary>
    Core = 4,
}

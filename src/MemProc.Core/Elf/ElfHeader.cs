namespace MemProc;

/// <summary>The header of an ELF file (<c>Elf64_Ehdr</c> of elf(5)).</summary>
public record ElfHeader
{
    /// <summary>The file, or the image in a process.</summary>
    public required string Path { get; init; }

    /// <summary>32 or 64.</summary>
    public required int Bits { get; init; }

    /// <summary>The highest byte of a number comes first.</summary>
    public required bool IsBigEndian { get; init; }

    /// <summary>The system whose rules the file follows beyond ELF; 0: System V, 3: GNU/Linux.</summary>
    public required byte OsAbi { get; init; }

    /// <summary>Version of <see cref="OsAbi"/>.</summary>
    public required byte AbiVersion { get; init; }

    /// <summary>What kind of file it is.</summary>
    public required ElfType Type { get; init; }

    /// <summary>Which processor it is for.</summary>
    public required ElfMachine Machine { get; init; }

    /// <summary>Version of the format: 1.</summary>
    public required uint Version { get; init; }

    /// <summary>Where execution begins, an address of the image; 0: nowhere.</summary>
    public required ulong EntryPoint { get; init; }

    /// <summary>Offset of the program headers, bytes.</summary>
    public required ulong SegmentOffset { get; init; }

    /// <summary>Offset of the section headers, bytes.</summary>
    public required ulong SectionOffset { get; init; }

    /// <summary>Flags of the processor.</summary>
    public required uint Flags { get; init; }

    /// <summary>Bytes of this header.</summary>
    public required ushort HeaderBytes { get; init; }

    /// <summary>Bytes of a program header.</summary>
    public required ushort SegmentHeaderBytes { get; init; }

    /// <summary>Program headers. A count that does not fit its field is taken from the first section header.</summary>
    public required uint SegmentCount { get; init; }

    /// <summary>Bytes of a section header.</summary>
    public required ushort SectionHeaderBytes { get; init; }

    /// <summary>Section headers. A count that does not fit its field is taken from the first of them.</summary>
    public required uint SectionCount { get; init; }

    /// <summary>Which section holds the sections' names.</summary>
    public required uint SectionNameIndex { get; init; }

    /// <summary>The linker's fingerprint of the file in hex, from the note NT_GNU_BUILD_ID; null where there is none.</summary>
    public required string? BuildId { get; init; }
}

namespace MemProc;

/// <summary>A program header of an ELF file (<c>Elf64_Phdr</c> of elf(5)).</summary>
public record ElfSegment
{
    private const uint Executable = 1;
    private const uint Writable = 2;
    private const uint Readable = 4;

    /// <summary>Path of the file, or of the mapping in a process.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the member, where <see cref="Path"/> is an archive; otherwise null.</summary>
    public string? Member { get; init; }

    /// <summary>The processor and the operating system that some names depend on.</summary>
    internal ElfTarget Target { get; init; }

    /// <summary>Index in the list, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>Kind of the segment.</summary>
    public required ElfSegmentType Type { get; init; }

    /// <summary><see cref="Type"/> as readelf prints it: <c>LOAD</c>.</summary>
    public string TypeName => ElfNames.Of(Type, Target);

    /// <summary>The raw flags.</summary>
    public required uint Flags { get; init; }

    /// <summary><see cref="Flags"/> in hex.</summary>
    public string FlagsHex => HexText.Of(Flags);

    /// <summary>Offset in the file, bytes.</summary>
    public required ulong Offset { get; init; }

    /// <summary><see cref="Offset"/> in hex.</summary>
    public string OffsetHex => HexText.Of(Offset);

    /// <summary>Address in the image; the load bias is added to it in a process.</summary>
    public required ulong VirtualAddress { get; init; }

    /// <summary><see cref="VirtualAddress"/> in hex.</summary>
    public string VirtualAddressHex => HexText.Of(VirtualAddress);

    /// <summary>Physical address, for systems without address translation.</summary>
    public required ulong PhysicalAddress { get; init; }

    /// <summary><see cref="PhysicalAddress"/> in hex.</summary>
    public string PhysicalAddressHex => HexText.Of(PhysicalAddress);

    /// <summary>Bytes in the file.</summary>
    public required ulong FileBytes { get; init; }

    /// <summary>Bytes in memory; those after <see cref="FileBytes"/> are initially zero.</summary>
    public required ulong MemoryBytes { get; init; }

    /// <summary>Alignment of address and offset, bytes.</summary>
    public required ulong Alignment { get; init; }

    /// <summary>
    /// The names of its sections, in their order; empty where the file has no section headers, or they were not
    /// requested.
    /// </summary>
    public OutputList<string> Sections { get; init; } = [];

    /// <summary>Permissions as in a list of mappings: <c>r-x</c>.</summary>
    public string Permissions => string.Create(3, Flags, static (letters, flags) =>
    {
        letters[0] = (flags & Readable) != 0 ? 'r' : '-';
        letters[1] = (flags & Writable) != 0 ? 'w' : '-';
        letters[2] = (flags & Executable) != 0 ? 'x' : '-';
    });

    /// <summary>Whether an offset of the file is loaded by this segment.</summary>
    internal bool Loads(ulong offset) =>
        Type == ElfSegmentType.Load && offset >= Offset && offset - Offset < FileBytes;

    /// <summary>Whether an address of the image is in this segment.</summary>
    internal bool Covers(ulong address) =>
        Type == ElfSegmentType.Load && address >= VirtualAddress && address - VirtualAddress < MemoryBytes;

    /// <summary>Returns type and range.</summary>
    public sealed override string ToString() => $"{Index} {Type} 0x{VirtualAddress:x} {Permissions}";
}

namespace MemProc;

/// <summary>What a comparison of an image with its file has found.</summary>
public enum ImageDifferenceKind
{
    /// <summary>Bytes in memory differ from the file.</summary>
    Content,
    /// <summary>Another file has the path now: the process runs the old one.</summary>
    FileReplaced,
    /// <summary>The file was deleted.</summary>
    FileDeleted,
    /// <summary>The file cannot be read, so that nothing was compared.</summary>
    NotCompared,
}

/// <summary>What explains that bytes in memory differ from the file.</summary>
public enum ImageExplanation
{
    /// <summary>Nothing: something has written to code, or to data that is never written.</summary>
    None,
    /// <summary>A relocation, whose value is the address that the file asks for, or that of the symbol that it names.</summary>
    Relocation,
    /// <summary>The dynamic linker fills the place for its own use: .dynamic, and the first words of the .got.</summary>
    DynamicLinker,
    /// <summary>
    /// Data that the program initializes before it becomes read-only (PT_GNU_RELRO). It cannot be checked by the file.
    /// </summary>
    Initialization,
}

/// <summary>A place where mapped code or read-only data differs from its file, or a file that is not that on disk.</summary>
public sealed class ImageDifference : ProcessOutput
{
    internal ImageDifference(MappedFile file, ProcessIdentity process, ImageDifferenceKind kind)
    {
        Process = process;
        Kind = kind;
        Path = file.Path;
        Module = file.Name;
    }

    internal override ProcessIdentity Process { get; }

    /// <summary>What was found.</summary>
    public ImageDifferenceKind Kind { get; }

    /// <summary>Path of the file, as the process sees it.</summary>
    public string Path { get; }

    /// <summary>Name of the file.</summary>
    public string Module { get; }

    /// <summary>Address of the first byte that differs; of a file, of its image.</summary>
    public required ulong Address { get; init; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>Bytes from the first to the last that differ; null where it is about a file.</summary>
    public ulong? Length { get; init; }

    /// <summary>Bytes that differ; null where it is about a file.</summary>
    public ulong? ChangedBytes { get; init; }

    /// <summary>The address in the image, as nm and objdump use it; null where it is about a file.</summary>
    public ulong? ImageAddress { get; init; }

    /// <summary><see cref="ImageAddress"/> in hex.</summary>
    public string? ImageAddressHex => HexText.Of(ImageAddress);

    /// <summary>Offset in the file; null where it is about a file.</summary>
    public ulong? FileOffset { get; init; }

    /// <summary><see cref="FileOffset"/> in hex.</summary>
    public string? FileOffsetHex => HexText.Of(FileOffset);

    /// <summary>The ELF section; null where there is none.</summary>
    public string? Section { get; init; }

    /// <summary>The symbol that holds the address, as stored; null where there is none, and for many explained places.</summary>
    public string? Symbol { get; init; }

    /// <summary>Bytes from the start of the symbol.</summary>
    public ulong? SymbolOffset { get; init; }

    /// <summary><see cref="SymbolOffset"/> in hex.</summary>
    public string? SymbolOffsetHex => HexText.Of(SymbolOffset);

    /// <summary>The bytes of the file; of a long difference the first ones. Empty where it is about a file.</summary>
    public MemoryBytes PreviousBytes { get; init; } = [];

    /// <summary>The bytes in memory; of a long difference the first ones. Empty where it is about a file.</summary>
    public MemoryBytes Bytes { get; init; } = [];

    /// <summary>What explains the difference.</summary>
    public ImageExplanation Explanation { get; init; }

    /// <summary>
    /// The relocations at the place: their type and symbol, or their numbers by type; null where there are none. With the
    /// explanation None, the value is not what such a relocation makes.
    /// </summary>
    public string? Relocation { get; init; }

    /// <summary>Where the pointer in memory leads, if a single relocated pointer differs: <c>libc.so.6!malloc</c>.</summary>
    public string? Target { get; init; }

    /// <summary>Why the file was not compared; null where it was.</summary>
    public string? Reason { get; init; }

    /// <summary>Formats the difference as a line.</summary>
    public override string ToString() => SafeText.Escape($"{Kind} 0x{Address:x} {Module} {Section} {Symbol} {Explanation}");
}

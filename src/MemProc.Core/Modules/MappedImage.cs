namespace MemProc;

/// <summary>A file at one of the places where a process has mapped it: loaded as an ELF image, or as data.</summary>
public sealed class MappedImage
{
    private readonly ElfSegment[] _segments;

    /// <summary>Describes a place.</summary>
    /// <param name="file">The file.</param>
    /// <param name="maps">Its mappings there, in address order.</param>
    /// <param name="segments">The loadable segments of the image; none where it is mapped as data.</param>
    /// <param name="loadBias">The load bias; null where the file is mapped as data.</param>
    internal MappedImage(MappedFile file, ProcMap[] maps, ElfSegment[] segments, ulong? loadBias)
    {
        File = file;
        Maps = maps;
        LoadBias = loadBias;
        _segments = segments;
        Start = loadBias is ulong bias
            ? segments.Min(segment => MachinePage.Floor(unchecked(segment.VirtualAddress + bias)))
            : maps[0].Start;
    }

    /// <summary>The file.</summary>
    public MappedFile File { get; }

    /// <summary>The mappings of the file at this place, in address order.</summary>
    public IReadOnlyList<ProcMap> Maps { get; }

    /// <summary>
    /// What is to be added, modulo 2^64, to an address of the image to get the address in the process; null where the
    /// file is mapped as data.
    /// </summary>
    public ulong? LoadBias { get; }

    /// <summary>The file is loaded here as an ELF image.</summary>
    public bool IsLoaded => LoadBias is not null;

    /// <summary>
    /// First address: of the page of the lowest loadable segment, or of the first mapping of data. A part of a loaded
    /// image can have been unmapped since.
    /// </summary>
    public ulong Start { get; }

    /// <summary>The ELF image.</summary>
    /// <exception cref="MemProcException">ReadElf: the file is not an ELF file, or cannot be read.</exception>
    public ElfFile Elf => File.RequireElf();

    /// <summary>The header.</summary>
    /// <inheritdoc cref="ElfFile.Header" path="/exception"/>
    public ProcElfHeader Header => new(Elf.Header, this);

    /// <summary>The program headers with their sections.</summary>
    /// <inheritdoc cref="ElfFile.SegmentsWithSections" path="/exception"/>
    public IEnumerable<ProcElfSegment> Segments =>
        Elf.SegmentsWithSections().Select(segment => new ProcElfSegment(segment, this));

    /// <summary>The sections.</summary>
    /// <inheritdoc cref="ElfFile.Sections" path="/exception"/>
    public IEnumerable<ProcElfSection> Sections => Elf.Sections.Select(section => new ProcElfSection(section, this));

    /// <summary>The symbols of a table.</summary>
    /// <inheritdoc cref="ElfFile.Symbols"/>
    public IEnumerable<ProcElfSymbol> Symbols(ElfSymbolSource kind) =>
        Elf.Symbols(kind).Select(symbol => new ProcElfSymbol(symbol, this));

    /// <summary>Path and first address, for messages.</summary>
    public override string ToString() =>
        $"{File.Path}{(File.IsDeleted ? " (deleted)" : string.Empty)} at 0x{Start:x}";

    /// <summary>The address in the process of an address of the image.</summary>
    internal ulong AddressOf(ulong imageAddress) => unchecked(imageAddress + (LoadBias ?? Start));

    /// <summary>
    /// The address of the image for an address in the process; null where the file is mapped as data.
    /// </summary>
    internal ulong? ImageAddressOf(ulong address) => unchecked(address - LoadBias);

    /// <summary>
    /// The segment that a mapping was made for; of two that share a page, the one with the permissions of the mapping.
    /// Null where there is none.
    /// </summary>
    internal ElfSegment? SegmentOf(ProcMap map)
    {
        if (LoadBias is not ulong bias)
        {
            return null;
        }

        ElfSegment[] fitting =
            Array.FindAll(_segments, segment => segment.MemoryBytes > 0 && Overlaps(segment, bias, map));
        return Array.Find(fitting, segment => segment.Permissions == map.Permissions[..3])
            ?? Array.Find(fitting, segment => segment.Permissions[2] == map.Permissions[2])
            ?? fitting.FirstOrDefault();
    }

    /// <summary>Whether an address is in a segment, after the bytes that the file has of it.</summary>
    internal bool HasZerosAt(ulong address) => LoadBias is ulong bias && Array.Exists(_segments, segment =>
        unchecked(address - bias - segment.VirtualAddress) is ulong offset
        && offset >= segment.FileBytes && offset < segment.MemoryBytes);

    /// <summary>Whether a mapping begins in the pages of a segment.</summary>
    private static bool Overlaps(ElfSegment segment, ulong bias, ProcMap map)
    {
        ulong start = unchecked(segment.VirtualAddress + bias);
        ulong end = MachinePage.Floor(unchecked(start + segment.MemoryBytes + MachinePage.SizeBytes - 1));
        return map.Start >= MachinePage.Floor(start) && map.Start < end;
    }
}

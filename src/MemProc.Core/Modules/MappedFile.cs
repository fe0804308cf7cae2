using System.Diagnostics.CodeAnalysis;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// A file that a process has mapped: its program, a library, the vDSO, or data. The ELF image is opened when it is first
/// needed.
/// </summary>
public sealed class MappedFile
{
    private readonly MemoryTarget _process;
    private readonly CancellationToken _cancellation;
    private readonly ProcMap[] _maps;
    private readonly ImageOpener _opener;
    private ElfFile? _elf;
    private MemProcException? _refusal;
    private ModuleSymbols? _symbols;
    private MappedImage[]? _images;
    private Dictionary<ulong, MappedImage> _imageOfMap = [];
    private ElfSection[]? _sections;
    private ElfSection? _lastSection;
    private bool? _isReplaced;

    internal MappedFile(MemoryTarget process, ProcMap[] maps, CancellationToken cancellation)
    {
        _process = process;
        _cancellation = cancellation;
        _maps = maps;
        _opener = ImageOpener.Of(process, maps, cancellation);
        Path = maps[0].Path;
        Name = Path.StartsWith('/') ? System.IO.Path.GetFileName(Path) : Path;
    }

    /// <summary>The name without its folder.</summary>
    public string Name { get; }

    /// <summary>The path as the process sees it, or the kernel's name.</summary>
    public string Path { get; }

    /// <summary>The file was unlinked, or replaced by another file.</summary>
    public bool IsDeleted => _maps[0].IsDeleted;

    /// <summary>Stops reads.</summary>
    internal CancellationToken Cancellation => _cancellation;

    /// <summary>Its mappings, in address order.</summary>
    public IReadOnlyList<ProcMap> Maps => _maps;

    /// <summary>Another file has the path now, so that the file on disk is not the mapped one.</summary>
    public bool IsReplaced => _isReplaced ??= _opener.IsReplaced();

    /// <summary>
    /// The ELF image; null where the file is not an ELF file, or cannot be read (<see cref="LoadError"/>).
    /// </summary>
    public ElfFile? Elf
    {
        get
        {
            if (_elf is null && _refusal is null)
            {
                Open();
            }

            return _elf;
        }
    }

    /// <summary>
    /// Why the image, or a part of it, cannot be read; null where nothing failed, and where the file is not an ELF file.
    /// </summary>
    public MemProcException? LoadError { get; private set; }

    /// <summary>
    /// The places where the whole image is loaded, in address order. Without such a place, the one place where the file
    /// is mapped as data.
    /// </summary>
    public IReadOnlyList<MappedImage> Images
    {
        get
        {
            FindImages();
            return _images;
        }
    }

    /// <summary>The build id in hex; null where there is none, or it cannot be read.</summary>
    internal string? BuildId => TryRun(() => Elf?.BuildId);

    /// <summary>The symbols that can stand in an expression; none where the file is not an ELF file.</summary>
    /// <exception cref="MemProcException">ReadElf: a symbol table is malformed.</exception>
    public IEnumerable<ElfSymbol> Symbols() => Elf is null ? [] : Tables.DefinedSymbols();

    /// <summary>The ELF image of a file that has to be an ELF file.</summary>
    /// <exception cref="MemProcException">ReadElf: it is not one, or cannot be read.</exception>
    internal ElfFile RequireElf() => Elf ?? throw _refusal!;

    /// <summary>
    /// The place that one of the mappings belongs to. An image of which parts were unmapped counts here, although it is
    /// not one of <see cref="Images"/>.
    /// </summary>
    internal MappedImage ImageOf(ProcMap map)
    {
        FindImages();
        return _imageOfMap[map.Start];
    }

    /// <summary>The loaded section that holds an address of the image; null where none does.</summary>
    internal ElfSection? SectionAt(ulong imageAddress)
    {
        // Addresses come from the same section more often than not.
        if (_lastSection?.Covers(imageAddress) != true)
        {
            _lastSection = FindSection(imageAddress);
        }

        return _lastSection;
    }

    /// <summary>The symbol that holds an address of the image; null where none does.</summary>
    /// <param name="imageAddress">The address.</param>
    /// <param name="section">Its section.</param>
    internal ResolvedSymbol? SymbolAt(ulong imageAddress, ElfSection? section) =>
        Elf is null || (section is null && LoadedSections().Length > 0) ? null : Tables.At(imageAddress, section);

    /// <summary>The symbols with a name. C++ names are found as they are stored and as they are written.</summary>
    /// <exception cref="MemProcException">ReadElf: the file is not an ELF file, or a symbol table is malformed.</exception>
    internal ElfSymbol[] SymbolsNamed(string name)
    {
        RequireElf();
        return Tables.Named(name);
    }

    /// <summary>The names of all symbols, without versions.</summary>
    /// <exception cref="MemProcException">ReadElf: a symbol table is malformed.</exception>
    internal IEnumerable<string> SymbolNames() => Elf is null ? [] : Tables.Names();

    /// <summary>Whether the file has a symbol with a name; false where that cannot be read.</summary>
    internal bool HasSymbol(string name) => TryRun<object>(
        () => Elf is not null && Tables.Named(name).Length > 0 ? this : null) is not null;

    /// <summary>Reads a part of the image; null where that fails, with the reason in <see cref="LoadError"/>.</summary>
    /// <exception cref="MemProcException">ESRCH: the process has exited.</exception>
    internal T? TryRun<T>(Func<T?> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (MemProcException error)
        {
            RecordError(error);
            return null;
        }
    }

    /// <summary>Keeps the reason why a part of the image cannot be read.</summary>
    /// <exception cref="MemProcException">ESRCH: the process has exited.</exception>
    internal void RecordError(MemProcException error)
    {
        _process.ThrowIfExited(error.Operation);
        LoadError ??= error;
    }

    /// <summary>Whether these are the mappings of the file.</summary>
    internal bool HasMaps(ProcMap[] maps) =>
        maps.Length == _maps.Length && maps.Zip(_maps).All(pair => pair.First.IsSameAs(pair.Second));

    /// <summary>Makes <see cref="IsReplaced"/> look at the path again.</summary>
    internal void ForgetReplaced() => _isReplaced = null;

    /// <summary>
    /// Closes the file; it is opened again when it is needed again. What was found about its places stays.
    /// </summary>
    internal void Close()
    {
        _symbols?.Dispose();
        _symbols = null;
        _elf?.Dispose();
        _elf = null;
    }

    private ModuleSymbols Tables => _symbols ??= new ModuleSymbols(_process, this);

    /// <summary>Apart from <see cref="SectionAt"/>, where the lambda would be allocated for each address.</summary>
    private ElfSection? FindSection(ulong imageAddress) =>
        Array.Find(LoadedSections(), section => section.Covers(imageAddress));

    private ElfSection[] LoadedSections() => _sections ??=
        TryRun<ElfSection[]>(() => [.. Elf?.Sections.Where(section => section.IsLoaded) ?? []]) ?? [];

    private void Open()
    {
        try
        {
            _elf = _opener.Open(out MemProcException? incomplete);
            LoadError = incomplete ?? LoadError;
        }
        catch (MemProcException error)
        {
            _process.ThrowIfExited(error.Operation);
            _refusal = error;
            LoadError = error.Errno == Errno.ENOEXEC ? null : error;
        }
    }

    [MemberNotNull(nameof(_images))]
    private void FindImages()
    {
        if (_images is not null)
        {
            return;
        }

        ElfSegment[] segments = TryRun<ElfSegment[]>(
            () => [.. Elf?.Segments.Where(segment => segment.Type == ElfSegmentType.Load) ?? []]) ?? [];
        LoadBiases biases = new(segments, _maps, _cancellation);
        ILookup<ulong?, ProcMap> places = _maps.ToLookup(biases.Of);
        MappedImage[] loaded = [.. places.Where(place => place.Key is not null)
            .Select(place => new MappedImage(this, [.. place], segments, place.Key))];
        MappedImage[] whole = Array.FindAll(loaded, image => biases.IsWhole(image.LoadBias!.Value));
        ProcMap[] unloaded = [.. places[null]];
        MappedImage data = new(this, whole.Length > 0 && unloaded.Length > 0 ? unloaded : _maps, [], null);
        _images = whole.Length > 0 ? whole : [data];
        _imageOfMap = loaded.SelectMany(image => image.Maps.Select(map => (map.Start, image)))
            .Concat(unloaded.Select(map => (map.Start, image: data)))
            .ToDictionary(item => item.Start, item => item.image);
    }
}

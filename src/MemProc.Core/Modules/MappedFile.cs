using System.Diagnostics.CodeAnalysis;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// A file that a process has mapped: its program, a library, the vDSO, or data. The ELF image is opened when it is first
/// needed.
/// </summary>
public sealed class MappedFile
{
    private readonly LinuxProcess _process;
    private readonly CancellationToken _cancellation;
    private readonly ProcMap[] _maps;
    private ElfFile? _elf;
    private MemProcException? _refusal;
    private ModuleSymbols? _symbols;
    private MappedImage[]? _images;
    private Dictionary<ulong, MappedImage> _imageOfMap = [];
    private ElfSection[]? _sections;
    private ElfSection? _lastSection;
    private bool? _isReplaced;

    internal MappedFile(LinuxProcess process, ProcMap[] maps, CancellationToken cancellation)
    {
        _process = process;
        _cancellation = cancellation;
        _maps = maps;
        Path = maps[0].Path;
        Name = Path.StartsWith('/') ? System.IO.Path.GetFileName(Path) : Path;
    }

    /// <summary>The name without its folder.</summary>
    public string Name { get; }

    /// <summary>The path as the process sees it, or the kernel's name.</summary>
    public string Path { get; }

    /// <summary>The file was unlinked, or replaced by another file.</summary>
    public bool IsDeleted => _maps[0].IsDeleted;

    /// <summary>Its mappings, in address order.</summary>
    public IReadOnlyList<ProcMap> Maps => _maps;

    /// <summary>Another file has the path now, so that the file on disk is not the mapped one.</summary>
    public bool IsReplaced => _isReplaced ??= CheckReplaced();

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
            _lastSection = Array.Find(LoadedSections(), section => section.Covers(imageAddress));
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

    private ElfSection[] LoadedSections() => _sections ??=
        TryRun<ElfSection[]>(() => [.. Elf?.Sections.Where(section => section.IsLoaded) ?? []]) ?? [];

    private void Open()
    {
        try
        {
            SafeFileHandle? file = _maps[0].Kind == ProcMapKind.Vdso ? null : OpenByPath() ?? OpenByMapping();
            _elf = ElfFile.Read(file is null
                ? new ElfMemoryImage(_process, _maps, _cancellation)
                : new ElfFileSource(file, Path));
        }
        catch (MemProcException error)
        {
            _process.ThrowIfExited(error.Operation);
            _refusal = error;
            LoadError = error.Errno == Errno.ENOEXEC ? null : error;
        }
    }

    /// <summary>
    /// Opens the file by its path; null where the path leads to another file. The device is not compared: file systems
    /// such as btrfs report another one in statx than in the list of mappings.
    /// </summary>
    private SafeFileHandle? OpenByPath()
    {
        if (IsDeleted || OpenPath() is not SafeFileHandle file)
        {
            return null;
        }

        if (Libc.TryStatX(file, out FileStatus status) == Errno.None && status.Inode == _maps[0].Inode && status.IsRegular)
        {
            return file;
        }

        file.Dispose();
        return null;
    }

    /// <summary>
    /// Opens the file by <c>map_files</c>, whatever has its path; null without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE.
    /// </summary>
    private SafeFileHandle? OpenByMapping() => Libc.TryOpenAt(_process.Folder,
        $"map_files/{_maps[0].Start:x}-{_maps[0].End:x}", OpenAccess.ReadNonBlocking, out SafeFileHandle? file)
        == Errno.None ? file : null;

    /// <summary>
    /// Opens what has the path in the mount namespace of the process; null where nothing can be opened.
    /// </summary>
    private SafeFileHandle? OpenPath() => Path.StartsWith('/')
        && Libc.TryOpenAt(_process.Folder, $"root{Path}", OpenAccess.ReadNonBlocking, out SafeFileHandle? file)
            == Errno.None ? file : null;

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

    private bool CheckReplaced()
    {
        ProcMap map = _maps[0];
        if (!Path.StartsWith('/') || map.Inode == 0 || _process.TryStat(Path, out FileStatus status) != Errno.None
            || status.Inode == map.Inode || !status.IsRegular)
        {
            return false;
        }

        // Stacked file systems can report another inode in statx than in the list of mappings: the build id decides.
        try
        {
            if (OpenPath() is not SafeFileHandle file)
            {
                return true;
            }

            using ElfFile other = ElfFile.Read(new ElfFileSource(file, Path));
            using ElfFile mapped = ElfFile.Read(new ElfMemoryImage(_process, _maps, _cancellation));
            return other.BuildId is not string id || id != mapped.BuildId;
        }
        catch (MemProcException error)
        {
            _process.ThrowIfExited(error.Operation);
            return true;
        }
    }
}

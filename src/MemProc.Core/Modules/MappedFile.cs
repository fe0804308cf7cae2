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
            if (_process is CoreFile core)
            {
                OpenOfCore(core);
                return;
            }

            LinuxProcess live = (LinuxProcess)_process;
            CheckedFile? file = _maps[0].Kind == ProcMapKind.Vdso ? null : OpenByMapping(live) ?? OpenByPath(live);
            _elf = ElfFile.Read(file is null
                ? new ElfMemoryImage(_process, _maps, _cancellation)
                : new ElfFileSource(file, Path, _cancellation));
        }
        catch (MemProcException error)
        {
            _process.ThrowIfExited(error.Operation);
            _refusal = error;
            LoadError = error.Errno == Errno.ENOEXEC ? null : error;
        }
    }

    /// <summary>
    /// Opens the file on this machine where it is that of the core; else what the core holds of the image, which seldom
    /// includes sections and symbols.
    /// </summary>
    private void OpenOfCore(CoreFile core)
    {
        string? refusal = null;
        ElfFileSource? file = _maps[0].Kind == ProcMapKind.Vdso ? null
            : core.Backing.TryOpen(Path, _cancellation, out refusal);
        _elf = ElfFile.Read(file is null ? new ElfMemoryImage(core, _maps, _cancellation) : file);
        if (refusal is not null && _elf.Sections.Count == 0)
        {
            LoadError = core.Failure(Operation.ReadElf, Errno.ENODATA,
                $"{SafeText.Escape(Path)} is not used, and the core has only a part of it: {refusal}", Path);
        }
    }

    /// <summary>
    /// Opens the file that the mapping shows, whatever has its path; null without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE,
    /// and where the mapping has changed since the list was read.
    /// </summary>
    /// <exception cref="MemProcException">
    /// ReadElf, EINVAL: it is not a regular file, or its file system stores no files. The memory is not read instead: it
    /// can be that of a device, where a read has effects.
    /// </exception>
    private CheckedFile? OpenByMapping(LinuxProcess live)
    {
        ProcMap map = _maps[0];
        FileRefusal? refusal = live.NamedFiles.TryOpenMapping(map.Start, map.End, _cancellation, out CheckedFile? file);
        if (refusal is { IsOtherKind: true } kind)
        {
            throw Refused(kind);
        }

        // Some file systems report another device or inode in statx than in the list of mappings.
        if (file is null || map.IsOf(file.Status) || IsUnchanged(map))
        {
            return file;
        }

        file.Dispose();
        return null;
    }

    /// <summary>
    /// Opens the file by its path; null where the path leads to another file, or that cannot be excluded. An inode number
    /// alone does not identify a file: another device can have the same one.
    /// </summary>
    /// <exception cref="MemProcException">ReadElf, EINVAL: as for a mapping.</exception>
    private CheckedFile? OpenByPath(LinuxProcess live)
    {
        TargetFiles files = live.NamedFiles;
        if (IsDeleted || files.FromMaps(Path) is not string path)
        {
            return null;
        }

        ProcMap map = _maps[0];
        if (files.TryOpen(path, _cancellation, out CheckedFile? file) is FileRefusal refusal)
        {
            return refusal.IsOtherKind && IsAt(path, map) ? throw Refused(refusal) : null;
        }

        // While the mapping exists, and while the file is open here, no other file gets the inode.
        if ((map.IsOf(file!.Status) || IsOfMount(map, file)) && IsUnchanged(map))
        {
            return file;
        }

        file.Dispose();
        return null;
    }

    /// <summary>
    /// Whether a file is the mapped one in a file system that reports another device in statx than in the list of
    /// mappings. The mount has that device. Where it numbers inodes several times, as btrfs does in each subvolume, the
    /// build id in memory decides.
    /// </summary>
    private bool IsOfMount(ProcMap map, CheckedFile file)
    {
        if (map.Inode != file.Status.Inode || !map.IsOn(_process.NamedFiles.MountDeviceOf(file)))
        {
            return false;
        }

        try
        {
            // Not disposed: the file stays open.
            ElfFile other = ElfFile.Read(new ElfFileSource(file, Path, _cancellation));
            using ElfFile image = ElfFile.Read(new ElfMemoryImage(_process, _maps, _cancellation));
            return other.BuildId is string id && id == image.BuildId;
        }
        catch (MemProcException)
        {
            return false;
        }
    }

    /// <summary>Whether a path leads to what the mapping shows, by device and inode.</summary>
    private bool IsAt(string path, ProcMap map) =>
        _process.NamedFiles.TryStat(path, _cancellation, out FileStatus status) == Errno.None && map.IsOf(status);

    /// <summary>Whether the process still has a mapping, of the same file.</summary>
    private bool IsUnchanged(ProcMap map) =>
        MapReader.Find(_process, map.Start, _cancellation) is ProcMap current && current.ShowsSameAs(map);

    private MemProcException Refused(FileRefusal refusal) => new(Operation.ReadElf, refusal.Errno,
        $"Process {_process.Identity}: {SafeText.Escape(Path)} {refusal}.", Path);

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
        if (_process is CoreFile core)
        {
            return core.Backing.IsReplaced(Path);
        }

        ProcMap map = _maps[0];
        TargetFiles files = _process.NamedFiles;
        if (map.Inode == 0 || files.FromMaps(Path) is not string path
            || files.TryStat(path, _cancellation, out FileStatus status) != Errno.None || !status.IsRegular)
        {
            return false;
        }

        if (map.IsOf(status))
        {
            return false;
        }

        // File systems such as btrfs and overlayfs can report another device or inode in statx than in the list of
        // mappings. The file of the mapping itself decides; without the right to it, the build id.
        if (files.TryStatMapping(map.Start, map.End, _cancellation, out FileStatus mapped) == Errno.None)
        {
            return !mapped.IsSameFileAs(status);
        }

        try
        {
            if (files.TryOpen(path, _cancellation, out CheckedFile? file) is not null)
            {
                return true;
            }

            using ElfFile other = ElfFile.Read(new ElfFileSource(file!, Path, _cancellation));
            using ElfFile image = ElfFile.Read(new ElfMemoryImage(_process, _maps, _cancellation));
            return other.BuildId is not string id || id != image.BuildId;
        }
        catch (MemProcException error)
        {
            _process.ThrowIfExited(error.Operation);
            return true;
        }
    }
}

using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// A file that a process has mapped: its program, a library, the kernel's shared object, or plain data. Its image is
/// opened when it is asked for, once.
/// </summary>
public sealed class ProcModule : IDisposable
{
    private readonly LinuxProcess _process;
    private readonly CancellationToken _cancellation;
    private readonly Dictionary<ulong, LoadedModule> _placeOfMap = [];
    private readonly Lazy<ElfFile?> _image;
    private readonly Lazy<LoadedModule[]> _places;
    private readonly Lazy<ModuleSymbols> _symbols;
    private readonly Lazy<bool> _isReplaced;
    private readonly Lazy<ElfSection[]> _sections;
    private ElfSection? _lastSection;
    private MemProcException? _refusal;

    internal ProcModule(LinuxProcess process, ProcMap[] maps, CancellationToken cancellation)
    {
        _process = process;
        _cancellation = cancellation;
        Maps = maps;
        Path = maps[0].Path;
        Name = Path.StartsWith('/') ? System.IO.Path.GetFileName(Path) : Path;
        _image = new Lazy<ElfFile?>(OpenImage);
        _places = new Lazy<LoadedModule[]>(FindPlaces);
        _symbols = new Lazy<ModuleSymbols>(() => new ModuleSymbols(process, this));
        _isReplaced = new Lazy<bool>(FindWhetherReplaced);
        _sections = new Lazy<ElfSection[]>(
            () => Guarded<ElfSection[]>(() => [.. Image?.Sections.Where(section => section.IsLoaded) ?? []]) ?? []);
    }

    /// <summary>The name without its folder.</summary>
    public string Name { get; }

    /// <summary>The path as the process sees it, or the kernel's name.</summary>
    public string Path { get; }

    /// <summary>The file's name is gone.</summary>
    public bool IsDeleted => Maps[0].IsDeleted;

    /// <summary>Its mappings, in address order.</summary>
    public IReadOnlyList<ProcMap> Maps { get; }

    /// <summary>Another file has the path by now: what lies on the disk is not what runs.</summary>
    public bool IsReplaced => _isReplaced.Value;

    /// <summary>The ELF image; null where it is none, or cannot be read (<see cref="Fault"/>).</summary>
    public ElfFile? Image => _image.Value;

    /// <summary>Why the image, or a part of it, cannot be read; null where nothing is wrong, or it is no ELF file.</summary>
    public MemProcException? Fault { get; private set; }

    /// <summary>The places where it is loaded; where it is mapped as data, that one.</summary>
    internal IReadOnlyList<LoadedModule> Places => _places.Value;

    /// <summary>Its symbols.</summary>
    private ModuleSymbols Tables => _symbols.Value;

    /// <summary>The image, where one has to be there.</summary>
    /// <exception cref="MemProcException">ReadElf: there is none.</exception>
    internal ElfFile NeedImage() => Image ?? throw _refusal!;

    /// <summary>The place that one of its mappings belongs to.</summary>
    internal LoadedModule PlaceOf(ProcMap map)
    {
        if (!_placeOfMap.TryGetValue(map.Start, out LoadedModule? place))
        {
            ulong? bias = Image is null ? null : Guarded(() => ElfImages.LoadBias(Image, Maps, map));
            ulong? start = bias is ulong known ? FirstOf(known) : null;
            place = start is null
                ? new LoadedModule(this, map.Start - Math.Min(map.Offset, map.Start), null)
                : new LoadedModule(this, start.Value, bias);
            _placeOfMap[map.Start] = place;
        }

        return place;
    }

    /// <summary>The section that holds an address of the image; null where none does.</summary>
    internal ElfSection? SectionAt(ulong imageAddress)
    {
        // Addresses come from the same section more often than not.
        if (_lastSection?.Covers(imageAddress) != true)
        {
            _lastSection = Array.Find(_sections.Value, section => section.Covers(imageAddress));
        }

        return _lastSection;
    }

    /// <summary>The symbol that holds an address of the image; null where none does.</summary>
    /// <param name="imageAddress">The address.</param>
    /// <param name="section">Its section.</param>
    internal NamedPlace? SymbolAt(ulong imageAddress, ElfSection? section) =>
        Image is null || (section is null && _sections.Value.Length > 0) ? null : Tables.At(imageAddress, section);

    /// <summary>The symbols of a name, C++ names as they are stored or as they are written.</summary>
    internal ElfSymbol[] SymbolsNamed(string name)
    {
        NeedImage();
        return Tables.Named(name);
    }

    /// <summary>The symbols that can stand in an expression; none where there is no image.</summary>
    /// <exception cref="MemProcException">ReadElf: a table is broken.</exception>
    public IEnumerable<ElfSymbol> Symbols() => Image is null ? [] : Tables.Defined();

    /// <summary>The names of all symbols, without versions.</summary>
    internal IEnumerable<string> SymbolNames() => Image is null ? [] : Tables.Names();

    /// <summary>Whether a symbol of that name is there.</summary>
    internal bool HasSymbol(string name) => Guarded<object>(() => Image is not null && Tables.Named(name).Length > 0 ? this : null)
        is not null;

    /// <summary>Does something with the image; where the image is broken, remembers that and gives nothing.</summary>
    internal T? Guarded<T>(Func<T?> work)
    {
        try
        {
            return work();
        }
        catch (MemProcException error)
        {
            Blame(error);
            return default;
        }
    }

    /// <summary>Remembers why a part of the image cannot be read, unless the process has ended.</summary>
    internal void Blame(MemProcException error)
    {
        _process.ThrowIfExited(error.Operation);
        Fault ??= error;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_image.IsValueCreated)
        {
            _image.Value?.Dispose();
        }

        if (_symbols.IsValueCreated)
        {
            _symbols.Value.Dispose();
        }
    }

    private ElfFile? OpenImage()
    {
        try
        {
            return ElfImages.Open(_process, Maps, _cancellation);
        }
        catch (MemProcException error)
        {
            _process.ThrowIfExited(error.Operation);
            _refusal = error;
            Fault = error.Errno == Errno.ENOEXEC ? null : error;
            return null;
        }
    }

    private LoadedModule[] FindPlaces()
    {
        ulong[] biases = Image is null ? [] : Guarded(() => ElfImages.LoadBiases(Image, Maps)) ?? [];
        LoadedModule[] places =
            [.. biases.Where(bias => FirstOf(bias) is not null).Select(bias => new LoadedModule(this, FirstOf(bias)!.Value, bias))];
        return places.Length > 0 ? places : [new LoadedModule(this, Maps[0].Start, null)];
    }

    /// <summary>Where the image begins in the process: its lowest loaded address, at the page's start.</summary>
    private ulong? FirstOf(ulong bias) => Image?.Segments.Where(segment => segment.Type == ElfSegmentType.Load)
        .Min(segment => (ulong?)MachinePage.Floor(unchecked(segment.VirtualAddress + bias)));

    private bool FindWhetherReplaced()
    {
        ProcMap map = Maps[0];
        if (!Path.StartsWith('/') || map.Inode == 0 || _process.TryStat(Path, out FileStatus status) != Errno.None
            || status.Inode == map.Inode || !status.IsRegular)
        {
            return false;
        }

        // Stacked file systems can tell another inode here than in the list of mappings: the fingerprint decides.
        return Guarded<object>(() =>
        {
            if (Libc.TryOpenAt(_process.Folder, $"root{Path}", OpenAccess.ReadWithoutWaiting, out SafeFileHandle? file)
                != Errno.None)
            {
                return null;
            }

            using ElfFile other = ElfFile.Read(new ElfDiskFile(file!, Path));
            using ElfFile mapped = ElfFile.Read(new ElfMemoryImage(_process, Maps, _cancellation));
            return other.BuildId is string id && id == mapped.BuildId ? this : null;
        }) is null;
    }
}

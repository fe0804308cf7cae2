using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Resolves addresses of a process to what they belong to: mapping, file, section, symbol, page. Files are parsed once,
/// however many addresses are asked for; the page table is read for many at a time. Each call sees the mappings as they
/// are when it begins.
/// </summary>
public sealed class Symbolizer : IDisposable
{
    /// <summary>Addresses that are resolved together: few enough that the first answers come soon.</summary>
    public const int BatchAddresses = 4096;

    /// <summary>
    /// Pages between two addresses up to which both are read at once: cheaper than another system call.
    /// </summary>
    private const ulong MaxGapPages = 64;

    /// <summary>
    /// Addresses up to which the kernel is asked for each mapping, instead of reading the list again.
    /// </summary>
    private const int MaxQueries = 32;

    private readonly MemoryTarget _process;
    private readonly FrameTables? _frames;
    private readonly CancellationToken _cancellation;
    private readonly HashSet<string> _reported = [];
    private readonly Dictionary<(int Map, int? Section, bool IsInImage), AddressContext> _contexts = [];
    private MappedImages? _images;
    private bool _isCurrent;
    private ThreadStacks _stacks;
    private PerfMap? _perfMap;
    private bool _isPerfMapCurrent;
    private bool _hasPages;

    /// <summary>Prepares to resolve addresses of a process.</summary>
    /// <param name="process">The process. It has to stay open as long as this is used.</param>
    /// <param name="frames">Where to look up the flags of frames; null: without flags.</param>
    /// <param name="cancellation">Stops the work.</param>
    public Symbolizer(MemoryTarget process, FrameTables? frames = null, CancellationToken cancellation = default)
    {
        _process = process;
        _frames = frames;
        _cancellation = cancellation;
        _stacks = new ThreadStacks(process);
        // A core has no page table.
        _hasPages = process is LinuxProcess;
    }

    /// <summary>Called once for each reason why answers are incomplete: a malformed image, hidden frames.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>Resolves addresses and expressions, in the order asked.</summary>
    /// <param name="addresses">The addresses.</param>
    /// <param name="fail">
    /// Called with the error of each that is not mapped (FindMap, ENOENT), and of each expression that cannot be resolved.
    /// </param>
    /// <inheritdoc cref="Resolve(IEnumerable{ulong}, Action{MemProcException})" path="/exception"/>
    public IEnumerable<ResolvedAddress> Resolve(IEnumerable<AddressExpression> addresses, Action<MemProcException> fail) =>
        Resolve(Evaluate(addresses, fail), fail);

    /// <summary>Resolves addresses, in the order asked.</summary>
    /// <param name="addresses">The addresses.</param>
    /// <param name="fail">Called with the error of each that is not mapped: FindMap, ENOENT.</param>
    /// <exception cref="MemProcException">ReadMaps, ReadPageMap or ReadPageFlags failed; ESRCH: the process has exited.</exception>
    public IEnumerable<ResolvedAddress> Resolve(IEnumerable<ulong> addresses, Action<MemProcException> fail)
    {
        BeginRequest();
        foreach (ulong[] batch in addresses.Chunk(BatchAddresses))
        {
            _cancellation.ThrowIfCancellationRequested();
            (MappedImages images, int[] maps) = FindMaps(batch);
            RawPageMapEntry[] pages = ReadPages(batch, images, maps);
            OutputList<string>?[]? flags = _frames is null ? null : ReadFlags(_frames, pages);
            for (int index = 0; index < batch.Length; index++)
            {
                if (maps[index] >= 0)
                {
                    yield return Resolve(batch[index], images, maps[index], pages[index], flags?[index]);
                }
                else
                {
                    _process.ThrowIfExited(Operation.FindMap);
                    fail(MapReader.NotMapped(_process, batch[index]));
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _images?.Dispose();

    /// <summary>Makes what an earlier call has read be checked before it is used again.</summary>
    private void BeginRequest()
    {
        _isCurrent = false;
        _isPerfMapCurrent = false;
        _stacks = new ThreadStacks(_process);
        _contexts.Clear();
        foreach (MappedFile file in _images?.Files ?? [])
        {
            file.ForgetReplaced();
        }
    }

    /// <summary>The mappings as they are during this call, and their files.</summary>
    private MappedImages CurrentImages()
    {
        if (_images is null)
        {
            _images = new MappedImages(_process, _cancellation);
        }
        else if (!_isCurrent)
        {
            Refresh(_images);
        }

        _isCurrent = true;
        return _images;
    }

    private void Refresh(MappedImages images)
    {
        if (images.Refresh())
        {
            _contexts.Clear();
        }
    }

    /// <summary>
    /// The numbers that expressions stand for; those that cannot be resolved are reported and left out.
    /// </summary>
    private IEnumerable<ulong> Evaluate(IEnumerable<AddressExpression> addresses, Action<MemProcException> fail)
    {
        foreach (AddressExpression address in addresses)
        {
            if (!address.IsNumber(out ulong value))
            {
                try
                {
                    value = address.Resolve(CurrentImages());
                }
                catch (MemProcException error)
                {
                    fail(error);
                    continue;
                }
            }

            yield return value;
        }
    }

    /// <summary>
    /// Finds the mappings that hold addresses; -1 where none does. Of a few addresses the kernel is asked whether what an
    /// earlier call has read still holds. An address in a mapping that is newer than the list makes the list be read again.
    /// </summary>
    private (MappedImages Images, int[] Maps) FindMaps(ulong[] addresses)
    {
        bool isKept = _isCurrent || (_images is not null && addresses.Length <= MaxQueries
            && addresses.All(address => IsUnchanged(_images, address)));
        MappedImages images = isKept ? _images! : CurrentImages();
        int[] maps = Array.ConvertAll(addresses, images.IndexOf);
        if (isKept && maps.Contains(-1))
        {
            Refresh(images);
            maps = Array.ConvertAll(addresses, images.IndexOf);
        }

        return (images, maps);
    }

    private bool IsUnchanged(MappedImages images, ulong address) =>
        MapReader.TryQuery(_process, address, out ProcMap? map, _cancellation) && map is not null
        && images.IndexOf(address) is int index and >= 0 && images.Maps[index].IsSameAs(map);

    private ResolvedAddress Resolve(ulong address, MappedImages images, int index, RawPageMapEntry page, OutputList<string>? flags)
    {
        ProcMap map = images.Maps[index];
        (_, MappedImage? image, ElfSection? section, ResolvedSymbol? symbol) = PlaceOf(address, images, index);
        if (page.IsPfnHidden)
        {
            WarnOnce(PageMapWalk.FramesHidden);
        }

        if (!_contexts.TryGetValue((index, section?.Index, image is not null), out AddressContext? context))
        {
            context = new AddressContext(map, image, NameInExpression(images, map, image), section,
                _stacks.ThreadOf(map), _hasPages && HasPages(map),
                PageTableGeometry.Of(_process.Files));
            _contexts[(index, section?.Index, image is not null)] = context;
        }

        return new ResolvedAddress(address, context, symbol, page, flags);
    }

    /// <summary>
    /// Begins a request of <see cref="PlaceOf(ulong)"/>: what an earlier one has read is checked before it is used.
    /// </summary>
    /// <returns>The mappings and files during the request.</returns>
    /// <exception cref="MemProcException">ReadMaps: the mappings cannot be read.</exception>
    internal MappedImages Begin()
    {
        BeginRequest();
        return CurrentImages();
    }

    /// <summary>Finds the file, section and symbol of an address, without its page; nothing where none is mapped.</summary>
    internal SymbolPlace PlaceOf(ulong address) =>
        CurrentImages() is MappedImages images && images.IndexOf(address) is int index and >= 0
            ? PlaceOf(address, images, index)
            : default;

    /// <summary>Resolves an address without its page, between <see cref="Begin"/> and the next request; null where nothing is mapped.</summary>
    internal ResolvedAddress? Locate(ulong address) =>
        CurrentImages() is MappedImages images && images.IndexOf(address) is int index and >= 0
            ? Resolve(address, images, index, default, flags: null)
            : null;

    private SymbolPlace PlaceOf(ulong address, MappedImages images, int index)
    {
        ProcMap map = images.Maps[index];
        MappedImage? image = images.FileOf(index)?.ImageOf(map) ?? images.ImageOfZeros(index, address);
        MappedFile? file = image?.File;
        ElfSection? section = null;
        ResolvedSymbol? symbol = null;
        if (image?.ImageAddressOf(address) is ulong known)
        {
            section = file!.SectionAt(known);
            symbol = file.SymbolAt(known, section);
        }
        else if (map.IsExecutable)
        {
            symbol = _process is LinuxProcess live ? CurrentPerfMap(live)?.At(address) : null;
        }

        if (file?.LoadError is MemProcException error)
        {
            WarnOnce($"Symbols and sections of {SafeText.Escape(file.Name)} may be missing: {error.Message}");
        }

        return new SymbolPlace(map, image, section, symbol);
    }

    /// <summary>
    /// The name or path of a file, or of a special mapping, that means just this one; null where there is none.
    /// </summary>
    private static string? NameInExpression(MappedImages images, ProcMap map, MappedImage? image) =>
        image is null ? map.Path.StartsWith('[') && images.MapsNamed(map.Path).Count() == 1 ? map.Path : null
        : image.File.Images is not [MappedImage only] || only != image ? null
        : new[] { image.File.Name, image.File.Path }.FirstOrDefault(name => images.Named(name).Count() == 1);

    /// <summary>The perf map of the process, read again where it has grown since an earlier call.</summary>
    private PerfMap? CurrentPerfMap(LinuxProcess live)
    {
        if (!_isPerfMapCurrent)
        {
            _perfMap = PerfMap.Read(live, _perfMap, out string? refusal, _cancellation);
            _isPerfMapCurrent = true;
            if (refusal is not null)
            {
                WarnOnce($"Names of generated code may be missing: {refusal}");
            }
        }

        return _perfMap;
    }

    /// <summary>Whether a mapping is in the page table of the process: the vsyscall page is not.</summary>
    private static bool HasPages(ProcMap map) => map.Start <= long.MaxValue;

    /// <summary>Reads the pagemap entries of addresses; zero where there is none.</summary>
    private RawPageMapEntry[] ReadPages(ulong[] addresses, MappedImages images, int[] maps)
    {
        RawPageMapEntry[] words = new RawPageMapEntry[addresses.Length];
        int[] order = [.. Enumerable.Range(0, addresses.Length)
            .Where(index => maps[index] >= 0 && HasPages(images.Maps[maps[index]]))];
        Array.Sort(Array.ConvertAll(order, index => addresses[index]), order);
        ulong[] buffer = [];
        for (int first = 0; first < order.Length && _hasPages;)
        {
            ulong start = addresses[order[first]] / MachinePage.SizeBytes;
            ulong end = start + 1;
            int last = first;
            while (last + 1 < order.Length && addresses[order[last + 1]] / MachinePage.SizeBytes is ulong next
                && next <= end + MaxGapPages)
            {
                end = next + 1;
                last++;
            }

            int count = (int)(end - start);
            buffer = buffer.Length < count ? new ulong[count] : buffer;
            if (!TryRead(start, buffer.AsSpan(0, count)))
            {
                break;
            }

            for (; first <= last; first++)
            {
                words[order[first]] = new RawPageMapEntry(buffer[addresses[order[first]] / MachinePage.SizeBytes - start]);
            }
        }

        return words;
    }

    /// <summary>Reads consecutive pagemap entries; false where pagemap cannot be opened.</summary>
    private bool TryRead(ulong page, Span<ulong> words)
    {
        try
        {
            words.Clear();
            Libc.PReadFully(((LinuxProcess)_process).PageMap, MemoryMarshal.AsBytes(words), page * sizeof(ulong));
            return true;
        }
        catch (ErrnoException error)
        {
            throw _process.Failure(Operation.ReadPageMap, error.Errno, "its page table cannot be read");
        }
        catch (MemProcException error) when (error.Errno != Errno.ESRCH)
        {
            _hasPages = false;
            WarnOnce($"What backs the pages is not known: {error.Message}");
            return false;
        }
    }

    private static OutputList<string>?[] ReadFlags(FrameTables tables, RawPageMapEntry[] pages)
    {
        OutputList<string>?[] flags = new OutputList<string>?[pages.Length];
        int[] known = [.. Enumerable.Range(0, pages.Length)
            .Where(index => pages[index] is { IsPresent: true, IsPfnHidden: false })];
        PageFlags?[] frames = tables.Read(Array.ConvertAll(known, index => pages[index].Pfn), raw: false);
        for (int index = 0; index < known.Length; index++)
        {
            flags[known[index]] = frames[index]?.Flags;
        }

        return flags;
    }

    private void WarnOnce(string message)
    {
        if (_reported.Add(message))
        {
            Warn?.Invoke(message);
        }
    }
}

/// <summary>What an address belongs to.</summary>
/// <param name="Map">The mapping; null where nothing is mapped.</param>
/// <param name="Image">The place of the file; null where no file is mapped.</param>
/// <param name="Section">The ELF section; null where there is none.</param>
/// <param name="Symbol">The symbol; null where there is none.</param>
internal readonly record struct SymbolPlace(ProcMap? Map, MappedImage? Image, ElfSection? Section, ResolvedSymbol? Symbol)
{
    /// <summary>The first address of the symbol in the process.</summary>
    public ulong? SymbolStart => Symbol is null ? null
        : Symbol.Origin == SymbolOrigin.PerfMap || Image is null ? Symbol.Start : Image.AddressOf(Symbol.Start);
}

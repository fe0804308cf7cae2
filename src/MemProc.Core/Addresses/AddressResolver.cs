using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Says what stands at addresses of a process. Mappings are read once and each file is parsed once, however many
/// addresses are asked for, and in whatever order; the page table is read for many at a time.
/// </summary>
public sealed class AddressResolver : IDisposable
{
    /// <summary>Addresses that are worked on together: few enough that the first answers come soon.</summary>
    public const int BatchAddresses = 4096;

    /// <summary>Reading a few unwanted words is cheaper than another system call.</summary>
    private const ulong BridgedPages = 64;

    private readonly LinuxProcess _process;
    private readonly FrameTables? _frames;
    private readonly CancellationToken _cancellation;
    private readonly HashSet<string> _told = [];
    private readonly Lazy<PerfMap?> _perfMap;
    private readonly Lazy<List<(int Thread, ulong StackPointer)>> _stacks;
    private readonly Dictionary<(int Map, int? Section), ResolvedPlace> _places = [];
    private ProcModules? _modules;
    private bool _hasPages = true;

    /// <summary>Prepares to resolve addresses of a process.</summary>
    /// <param name="process">The process; it has to stay open as long as this is used.</param>
    /// <param name="frames">Where to look up flags of frames; null: they are not wanted.</param>
    /// <param name="cancellation">Stops the work.</param>
    public AddressResolver(LinuxProcess process, FrameTables? frames = null, CancellationToken cancellation = default)
    {
        _process = process;
        _frames = frames;
        _cancellation = cancellation;
        _perfMap = new Lazy<PerfMap?>(() => PerfMap.Read(process));
        _stacks = new Lazy<List<(int Thread, ulong StackPointer)>>(() => ThreadStacks.Read(process));
    }

    /// <summary>Told once of each thing that makes answers poorer: an image that is broken, frames that are hidden.</summary>
    public Action<string>? Tell { get; init; }

    private ProcModules Modules => _modules ??= new ProcModules(_process, _cancellation);

    /// <summary>The number that an expression stands for.</summary>
    /// <inheritdoc cref="ProcAddress.Resolve(LinuxProcess)" path="/exception"/>
    public ulong Evaluate(ProcAddress address) => address.Resolve(Modules);

    /// <summary>Says what stands at addresses, in the order asked.</summary>
    /// <param name="addresses">The addresses.</param>
    /// <param name="fail">Told of each that is not mapped: FindMap, ENOENT; and of expressions that stand for none.</param>
    /// <inheritdoc cref="Resolve(IEnumerable{ulong}, Action{MemProcException})" path="/exception"/>
    public IEnumerable<ResolvedAddress> Resolve(IEnumerable<ProcAddress> addresses, Action<MemProcException> fail) =>
        Resolve(Evaluate(addresses, fail), fail);

    /// <summary>Says what stands at addresses, in the order asked.</summary>
    /// <param name="addresses">The addresses.</param>
    /// <param name="fail">Told of each that is not mapped: FindMap, ENOENT.</param>
    /// <exception cref="MemProcException">ReadMaps, ReadPageMap or ReadPageFlags failed; ESRCH: the process has ended.</exception>
    public IEnumerable<ResolvedAddress> Resolve(IEnumerable<ulong> addresses, Action<MemProcException> fail)
    {
        foreach (ulong[] batch in addresses.Chunk(BatchAddresses))
        {
            _cancellation.ThrowIfCancellationRequested();
            int[] maps = FindMaps(batch);
            PageMapWord[] pages = ReadPages(batch, maps);
            string[]?[]? flags = _frames is null ? null : ReadFlags(_frames, pages);
            for (int index = 0; index < batch.Length; index++)
            {
                if (maps[index] >= 0)
                {
                    yield return Resolve(batch[index], maps[index], pages[index], flags?[index]);
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
    public void Dispose() => _modules?.Dispose();

    /// <summary>The numbers that expressions stand for; what stands for none is told and left out.</summary>
    private IEnumerable<ulong> Evaluate(IEnumerable<ProcAddress> addresses, Action<MemProcException> fail)
    {
        foreach (ProcAddress address in addresses)
        {
            ulong value;
            try
            {
                value = Evaluate(address);
            }
            catch (MemProcException error)
            {
                fail(error);
                continue;
            }

            yield return value;
        }
    }

    /// <summary>
    /// Which mappings hold the addresses; -1 where none does. One that has come since the list was read makes the list
    /// be read again.
    /// </summary>
    private int[] FindMaps(ulong[] addresses)
    {
        int[] maps = Array.ConvertAll(addresses, Modules.IndexOf);
        if (addresses.Where((_, index) => maps[index] < 0).Any(address => MapReader.Find(_process, address) is not null))
        {
            _modules?.Dispose();
            _modules = null;
            _places.Clear();
            maps = Array.ConvertAll(addresses, Modules.IndexOf);
        }

        return maps;
    }

    private ResolvedAddress Resolve(ulong address, int index, PageMapWord page, string[]? flags)
    {
        ProcMap map = Modules.Maps[index];
        ProcModule? module = Modules.ModuleOf(index);
        LoadedModule? loaded = module?.PlaceOf(map);
        ElfSection? section = null;
        NamedPlace? symbol = null;
        if (loaded?.ImageAddressOf(address) is ulong known)
        {
            section = module!.SectionAt(known);
            symbol = module.SymbolAt(known, section);
        }
        else if (map.IsExecutable)
        {
            symbol = _perfMap.Value?.At(address);
        }

        if (module?.Fault is MemProcException fault)
        {
            TellOnce($"Symbols and sections of {SafeText.Escape(module.Name)} may be missing: {fault.Message}");
        }

        if (page.IsPfnHidden)
        {
            TellOnce(PageMapWalk.FramesHidden);
        }

        if (!_places.TryGetValue((index, section?.Index), out ResolvedPlace? place))
        {
            int? thread = loaded is null ? ThreadOf(map) : null;
            place = new ResolvedPlace(map, loaded, section, thread, _hasPages && HasPages(map),
                PageTableGeometry.Of(_process.Files));
            _places[(index, section?.Index)] = place;
        }

        return new ResolvedAddress(address, place, symbol, page, flags);
    }

    /// <summary>The thread whose stack a mapping is; null where it is none, or that of a thread that runs.</summary>
    private int? ThreadOf(ProcMap map)
    {
        if (map.Kind == ProcMapKind.Stack)
        {
            return _process.Id;
        }

        if (map.Kind is ProcMapKind.Anonymous or ProcMapKind.NamedAnonymous && map.IsWritable)
        {
            foreach ((int thread, ulong stackPointer) in _stacks.Value)
            {
                if (map.Start <= stackPointer && stackPointer < map.End)
                {
                    return thread;
                }
            }
        }

        return null;
    }

    /// <summary>The page of old system calls is in no page table of a process.</summary>
    private static bool HasPages(ProcMap map) => map.Start <= long.MaxValue;

    /// <summary>The words of the page table; zeros for what has none.</summary>
    private PageMapWord[] ReadPages(ulong[] addresses, int[] maps)
    {
        PageMapWord[] words = new PageMapWord[addresses.Length];
        int[] order = [.. Enumerable.Range(0, addresses.Length)
            .Where(index => maps[index] >= 0 && HasPages(Modules.Maps[maps[index]]))];
        Array.Sort(Array.ConvertAll(order, index => addresses[index]), order);
        ulong[] buffer = [];
        for (int first = 0; first < order.Length && _hasPages;)
        {
            ulong start = addresses[order[first]] / MachinePage.SizeBytes;
            ulong end = start + 1;
            int last = first;
            while (last + 1 < order.Length && addresses[order[last + 1]] / MachinePage.SizeBytes is ulong next
                && next <= end + BridgedPages)
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
                words[order[first]] = new PageMapWord(buffer[addresses[order[first]] / MachinePage.SizeBytes - start]);
            }
        }

        return words;
    }

    /// <summary>Reads words of the page table; false where this kernel or user has none.</summary>
    private bool TryRead(ulong page, Span<ulong> words)
    {
        try
        {
            words.Clear();
            Libc.PReadFully(_process.PageMap, MemoryMarshal.AsBytes(words), page * sizeof(ulong));
            return true;
        }
        catch (ErrnoException error)
        {
            throw _process.Failure(Operation.ReadPageMap, error.Errno, "its page table cannot be read");
        }
        catch (MemProcException error) when (error.Errno != Errno.ESRCH)
        {
            _hasPages = false;
            TellOnce($"What stands behind the pages is not known: {error.Message}");
            return false;
        }
    }

    private static string[]?[] ReadFlags(FrameTables tables, PageMapWord[] pages)
    {
        string[]?[] flags = new string[]?[pages.Length];
        int[] known = [.. Enumerable.Range(0, pages.Length)
            .Where(index => pages[index] is { IsPresent: true, IsPfnHidden: false })];
        PageFlags?[] frames = tables.Read(Array.ConvertAll(known, index => pages[index].Pfn), raw: false);
        for (int index = 0; index < known.Length; index++)
        {
            flags[known[index]] = frames[index]?.Flags;
        }

        return flags;
    }

    private void TellOnce(string message)
    {
        if (_told.Add(message))
        {
            Tell?.Invoke(message);
        }
    }
}

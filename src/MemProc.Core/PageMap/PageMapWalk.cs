using MemProc.Interop;

namespace MemProc;

/// <summary>Walks a process' pages and says what stands behind each.</summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the walk.</param>
public sealed class PageMapWalk(LinuxProcess process, CancellationToken cancellation = default)
{
    /// <summary>What to tell a person, once, when frame numbers are hidden.</summary>
    public const string FramesHidden = "The kernel hides frame numbers from this user: Pfn and PhysicalAddress are "
        + "empty. They take CAP_SYS_ADMIN (run as root).";

    private const ulong VsyscallPage = 0xffff_ffff_ff60_0000;

    /// <summary>Pages whose frames are looked up together: few enough that the first answers come soon.</summary>
    private const int FrameBatch = 4096;

    private readonly PageMapReader _reader = new(process, cancellation) { TellsHuge = true };

    // As large as the largest stretch so far: there can be a walk for each address of a long list.
    private ulong[] _wanted = [];
    private int[] _pages = [];

    /// <summary>Pages that are not populated are wanted too.</summary>
    public bool IncludeEmpty { get; init; }

    /// <summary>Neighbours of equal state in consecutive frames become one entry.</summary>
    public bool JoinRuns { get; init; }

    /// <summary>Which pages are wanted.</summary>
    public PageFilter Filter { get; init; } = new();

    /// <summary>Where to look up the frames; null: nowhere.</summary>
    public FrameTables? Frames { get; init; }

    /// <summary>Show flags of the kernel's internals, and overloaded ones by what they mean.</summary>
    public bool RawFlags { get; init; }

    /// <summary>All pages of the process, in address order.</summary>
    /// <exception cref="MemProcException">ReadMaps, ReadPageMap or ReadPageFlags failed.</exception>
    public IEnumerable<PageMapEntry> All() => Join(Pages(MapReader.Read(process, cancellation), 0, ulong.MaxValue));

    /// <summary>
    /// The pages of a range, in address order, as far as it is mapped. The fixed page of old system calls has none:
    /// it is in the list of mappings, but not in the process' page table.
    /// </summary>
    /// <param name="address">First address; its whole page counts.</param>
    /// <param name="length">Bytes, at least 1; the last byte's whole page counts.</param>
    /// <exception cref="MemProcException">
    /// FindMap: ENOENT where nothing is mapped in the range; ReadPageMap or ReadPageFlags failed.
    /// </exception>
    public IEnumerable<PageMapEntry> Range(ulong address, ulong length)
    {
        if (MachinePage.Floor(address) == VsyscallPage
            && MapReader.Find(process, address) is { Kind: ProcMapKind.Vsyscall })
        {
            return [];
        }

        ulong start = MachinePage.Floor(address);
        ulong end = MachinePage.Ceiling(UserRange.End(address, length, Operation.ReadPageMap));
        return Join(Pages(Mapped(start, end, address), start, end));
    }

    /// <summary>The pages that a person asked for: so many bytes or pages from an address on, or that address.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes; null: not told.</param>
    /// <param name="count">Pages; null: not told.</param>
    /// <inheritdoc cref="Range" path="/exception"/>
    public IEnumerable<PageMapEntry> From(ulong address, ulong? length, ulong? count) => (length, count) switch
    {
        (null, null) => At(address),
        (_, ulong pages) => Range(MachinePage.Floor(address), pages * MachinePage.SizeBytes),
        (ulong bytes, _) => Range(address, bytes),
    };

    /// <summary>
    /// The entry of one address, populated or not; none where the filter leaves it out. Its
    /// <see cref="PageMapEntry.PhysicalAddress"/> is that of the byte.
    /// </summary>
    /// <param name="address">The address.</param>
    /// <inheritdoc cref="Range" path="/exception"/>
    public IEnumerable<PageMapEntry> At(ulong address)
    {
        UserRange.End(address, 1, Operation.ReadPageMap);
        ProcMap map = Mapped(address, address + 1, address).First();
        ulong page = MachinePage.Floor(address);
        PageMapStretch stretch = _reader.ReadAll(page, page + MachinePage.SizeBytes).First();
        return Entries([PieceOf(map, HugePageSize.Of(process, map), stretch with { Address = address }, includeEmpty: true)]);
    }

    private IEnumerable<ProcMap> Mapped(ulong start, ulong end, ulong address)
    {
        bool any = false;
        foreach (ProcMap map in MapReader.Between(process, start, end))
        {
            any = true;
            yield return map;
        }

        if (!any)
        {
            throw MapReader.NotMapped(process, address);
        }
    }

    private IEnumerable<PageMapEntry> Pages(IEnumerable<ProcMap> maps, ulong start, ulong end) =>
        Entries(ReadAhead.Of(Pieces(maps, start, end)));

    /// <summary>The wanted pages of the mappings.</summary>
    private IEnumerable<PageMapPiece> Pieces(IEnumerable<ProcMap> maps, ulong start, ulong end)
    {
        foreach (ProcMap map in maps)
        {
            if (map.Kind == ProcMapKind.Vsyscall)
            {
                continue;
            }

            ulong from = Math.Max(map.Start, start);
            ulong to = Math.Min(map.End, end);
            Lazy<ulong?> hugeSize = HugePageSize.Of(process, map);
            IEnumerable<PageMapStretch> stretches =
                IncludeEmpty ? _reader.ReadAll(from, to) : _reader.ReadPopulated(from, to);
            foreach (PageMapStretch stretch in stretches)
            {
                int batch = Frames is null ? stretch.Words.Length : FrameBatch;
                for (int first = 0; first < stretch.Words.Length; first += batch)
                {
                    int count = Math.Min(batch, stretch.Words.Length - first);
                    PageMapPiece piece = PieceOf(map, hugeSize, stretch with
                    {
                        Address = stretch.Address + (ulong)first * MachinePage.SizeBytes,
                        Words = stretch.Words.Slice(first, count),
                    }, IncludeEmpty);
                    if (piece.Count > 0)
                    {
                        yield return piece;
                    }
                }
            }
        }

        process.ThrowIfExited(Operation.ReadPageMap);
    }

    /// <summary>The wanted pages of a stretch.</summary>
    private PageMapPiece PieceOf(ProcMap map, Lazy<ulong?> hugeSize, PageMapStretch stretch, bool includeEmpty)
    {
        ReadOnlySpan<ulong> words = stretch.Words.Span;
        if (_wanted.Length < words.Length)
        {
            _wanted = new ulong[words.Length];
            _pages = new int[words.Length];
        }

        Span<ulong> wanted = _wanted.AsSpan(0, words.Length);
        Span<int> pages = _pages.AsSpan(0, words.Length);
        int count = 0;
        for (int index = 0; index < words.Length; index++)
        {
            ulong word = words[index];
            if ((includeEmpty || new PageMapWord(word).IsPopulated) && Filter.Matches(word, stretch.IsHuge))
            {
                wanted[count] = word;
                pages[count++] = index;
            }
        }

        PageFlags?[]? frames = null;
        if (Frames is not null)
        {
            frames = ReadFrames(Frames, wanted[..count]);
            int read = count;
            count = 0;
            for (int index = 0; index < read; index++)
            {
                if (Filter.Frame.Matches(frames[index]))
                {
                    wanted[count] = wanted[index];
                    pages[count] = pages[index];
                    frames[count++] = frames[index];
                }
            }
        }

        ulong? pageSize = stretch.IsHuge switch
        {
            true => hugeSize.Value,
            false => MachinePage.SizeBytes,
            null => null,
        };
        return new PageMapPiece(map, pageSize, stretch.Address, wanted[..count].ToArray(),
            count == words.Length ? null : pages[..count].ToArray(), frames?[..count]);
    }

    private static IEnumerable<PageMapEntry> Entries(IEnumerable<PageMapPiece> pieces)
    {
        foreach (PageMapPiece piece in pieces)
        {
            for (int place = 0; place < piece.Count; place++)
            {
                yield return new PageMapEntry(piece, place);
            }
        }
    }

    /// <summary>The frames of pages; null for what has none.</summary>
    private PageFlags?[] ReadFrames(FrameTables tables, ReadOnlySpan<ulong> words)
    {
        List<ulong> pfns = [];
        List<ulong> pages = [];
        List<int> places = [];
        for (int place = 0; place < words.Length; place++)
        {
            PageMapWord word = new(words[place]);
            if (word.Pfn != 0)
            {
                pfns.Add(word.Pfn);
                pages.Add(word.Raw);
                places.Add(place);
            }
        }

        PageFlags?[] read = tables.Read([.. pfns], RawFlags, [.. pages]);
        PageFlags?[] result = new PageFlags?[words.Length];
        for (int index = 0; index < read.Length; index++)
        {
            result[places[index]] = read[index];
        }

        return result;
    }

    private IEnumerable<PageMapEntry> Join(IEnumerable<PageMapEntry> entries) =>
        JoinRuns ? PageMapRun.Join(entries) : entries;

    /// <summary>Throws where frame numbers are hidden: in this process' own pagemap, and so in all others.</summary>
    internal static void ThrowIfHidden()
    {
        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId);
        if (new PageMapWalk(self).All().First(entry => entry.IsPresent).IsPfnHidden)
        {
            throw PageMapReader.Hidden();
        }
    }
}

using System.Globalization;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>Walks the pages of a process and returns what backs each of them.</summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the walk.</param>
public sealed class PageMapWalk(MemoryTarget process, CancellationToken cancellation = default)
{
    /// <summary>The warning for a user from whom frame numbers are hidden.</summary>
    public static string FramesHidden => "The kernel hides frame numbers from this user: Pfn and PhysicalAddress are "
        + $"empty. {CallerRights.Read().Explain([Capability.SysAdmin])}";

    private const ulong VsyscallPage = 0xffff_ffff_ff60_0000;

    /// <summary>Pages whose frames are looked up together: few enough that the first results come soon.</summary>
    private const int FrameBatch = 4096;

    private readonly ulong _unknownBits = PageMapSupport.UnknownBits(process);

    // As large as the largest range so far: there can be a walk for each address of a long list.
    private ulong[] _selected = [];
    private int[] _indexes = [];
    private PageNodes? _nodes;

    /// <summary>The walk over many ranges; null: each is for itself.</summary>
    private PopulatedPages? _shared;

    /// <summary>Whether pages that are not populated are included.</summary>
    public bool IncludeEmpty { get; init; }

    /// <summary>Whether consecutive pages of equal state in consecutive frames become one entry.</summary>
    public bool JoinRuns { get; init; }

    /// <summary>Selects pages.</summary>
    public PageFilter Filter { get; init; } = new();

    /// <summary>The tables in which frames are looked up; null: frames are not looked up.</summary>
    public FrameTables? Frames { get; init; }

    /// <summary>Whether the NUMA nodes of present pages are read.</summary>
    public bool WithNodes { get; init; }

    /// <summary>Whether to show flags internal to the kernel, and overloaded ones by their meaning.</summary>
    public bool RawFlags { get; init; }

    /// <summary>Returns all pages of the process, in address order.</summary>
    /// <exception cref="MemProcException">ReadMaps, ReadPageMap or ReadPageFlags failed.</exception>
    public IEnumerable<PageMapEntry> All() => Join(Pages(MapReader.Read(process, cancellation), AddressRange.All));

    /// <summary>
    /// Returns the mapped pages of a range, in address order. The vsyscall page has no entry: it is in the list of
    /// mappings, but not in the page table of the process.
    /// </summary>
    /// <param name="address">First address; its whole page counts.</param>
    /// <param name="length">Bytes, at least 1; the last byte's whole page counts.</param>
    /// <exception cref="MemProcException">
    /// FindMap: ENOENT where nothing is mapped in the range; ReadPageMap or ReadPageFlags failed.
    /// </exception>
    public IEnumerable<PageMapEntry> Range(ulong address, ulong length)
    {
        if (MachinePage.Floor(address) == VsyscallPage
            && MapReader.Find(process, address, cancellation) is { Kind: ProcMapKind.Vsyscall })
        {
            return [];
        }

        AddressRange range = new AddressRange(address, UserRange.End(address, length, Operation.ReadPageMap)).Pages;
        return Join(Pages(MapsIn(range, address), range));
    }

    /// <summary>
    /// Returns the pages of a range in bytes or in pages; without either, the entry of the address itself.
    /// </summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes; null: not given.</param>
    /// <param name="count">Pages; null: not given.</param>
    /// <inheritdoc cref="Range" path="/exception"/>
    public IEnumerable<PageMapEntry> From(ulong address, ulong? length, ulong? count) => (length, count) switch
    {
        (null, null) => At(address),
        (_, ulong pages) => Range(MachinePage.Floor(address), pages * MachinePage.SizeBytes),
        (ulong bytes, _) => Range(address, bytes),
    };

    /// <summary>
    /// Returns the entry of one address, populated or not; none where the filter excludes it. Its
    /// <see cref="PageMapEntry.PhysicalAddress"/> is that of the byte.
    /// </summary>
    /// <param name="address">The address.</param>
    /// <inheritdoc cref="Range" path="/exception"/>
    public IEnumerable<PageMapEntry> At(ulong address)
    {
        AddressRange range = new(address, UserRange.End(address, 1, Operation.ReadPageMap));
        ProcMap map = MapsIn(range, address).First();
        PageMapRange page = Walk(includeEmpty: true).Of(map, range).First();
        return Entries([ChunkOf(map, HugePageSize(map), page with { Address = address }, includeEmpty: true)]);
    }

    /// <summary>
    /// Returns the pages of many ranges, one after another, at a lower cost than one by one. What fails for a range does not
    /// stop the others.
    /// </summary>
    /// <param name="ranges">First addresses, and bytes or pages, as for <see cref="From"/>.</param>
    /// <param name="fail">Called with each failure, in place of the pages that are missing.</param>
    /// <exception cref="MemProcException">ReadPageMap, ESRCH: the process has exited.</exception>
    public IEnumerable<PageMapEntry> FromMany(
        IReadOnlyList<(ulong Address, ulong? Length, ulong? Count)> ranges, Action<MemProcException> fail)
    {
        if (ranges.Count > 1)
        {
            _shared ??= Walk(IncludeEmpty, checksExit: false);
        }

        foreach ((ulong address, ulong? length, ulong? count) in ranges)
        {
            IEnumerator<PageMapEntry>? pages = null;
            try
            {
                // Without a delegate: it would be as large as an entry, for each of them.
                while (TryMoveNext(ref pages, address, length, count, fail))
                {
                    yield return pages!.Current;
                }
            }
            finally
            {
                pages?.Dispose();
            }
        }

        if (_shared is not null)
        {
            process.ThrowIfExited(Operation.ReadPageMap);
        }
    }

    /// <summary>Goes to the first or next page of a range; false at the end, and where that fails.</summary>
    private bool TryMoveNext(ref IEnumerator<PageMapEntry>? pages, ulong address, ulong? length, ulong? count,
        Action<MemProcException> fail)
    {
        try
        {
            pages ??= From(address, length, count).GetEnumerator();
            return pages.MoveNext();
        }
        catch (MemProcException error)
        {
            fail(error);
            return false;
        }
    }

    private PopulatedPages Walk(bool includeEmpty, bool checksExit = true) =>
        new(process, cancellation) { DetectHuge = true, IncludeEmpty = includeEmpty, ChecksExit = checksExit };

    private IEnumerable<ProcMap> MapsIn(AddressRange range, ulong address)
    {
        bool any = false;
        foreach (ProcMap map in MapReader.Between(process, range.Start, range.End, cancellation))
        {
            any = true;
            yield return map;
        }

        if (!any)
        {
            throw MapReader.NotMapped(process, address);
        }
    }

    private IEnumerable<PageMapEntry> Pages(IEnumerable<ProcMap> maps, AddressRange range) =>
        Entries(ReadAhead.Of(Chunks(maps, range)));

    /// <summary>Returns the selected pages of mappings.</summary>
    private IEnumerable<PageMapChunk> Chunks(IEnumerable<ProcMap> maps, AddressRange range)
    {
        foreach ((ProcMap map, IEnumerable<PageMapRange> ranges) in (_shared ?? Walk(IncludeEmpty)).ByMap(maps, range))
        {
            Lazy<ulong?> hugeSize = HugePageSize(map);
            foreach (PageMapRange pages in ranges)
            {
                int batch = Frames is null && !WithNodes ? pages.Entries.Length : FrameBatch;
                for (int first = 0; first < pages.Entries.Length; first += batch)
                {
                    int count = Math.Min(batch, pages.Entries.Length - first);
                    PageMapChunk chunk = ChunkOf(map, hugeSize, pages with
                    {
                        Address = pages.Address + (ulong)first * MachinePage.SizeBytes,
                        Entries = pages.Entries.Slice(first, count),
                    }, IncludeEmpty);
                    if (chunk.Count > 0)
                    {
                        yield return chunk;
                    }
                }
            }
        }
    }

    /// <summary>Returns the selected pages of a range.</summary>
    private PageMapChunk ChunkOf(ProcMap map, Lazy<ulong?> hugeSize, PageMapRange pages, bool includeEmpty)
    {
        ReadOnlySpan<ulong> entries = pages.Entries.Span;
        if (_selected.Length < entries.Length)
        {
            _selected = new ulong[entries.Length];
            _indexes = new int[entries.Length];
        }

        Span<ulong> selected = _selected.AsSpan(0, entries.Length);
        Span<int> indexes = _indexes.AsSpan(0, entries.Length);
        int count = 0;
        for (int index = 0; index < entries.Length; index++)
        {
            ulong entry = entries[index];
            if ((includeEmpty || new RawPageMapEntry(entry).IsPopulated) && Filter.Matches(entry, pages.IsHuge))
            {
                selected[count] = entry;
                indexes[count++] = index;
            }
        }

        PageFlags?[]? frames = null;
        if (Frames is not null)
        {
            frames = ReadFrames(Frames, selected[..count]);
            int read = count;
            count = 0;
            for (int index = 0; index < read; index++)
            {
                if (Filter.Frame.Matches(frames[index]))
                {
                    selected[count] = selected[index];
                    indexes[count] = indexes[index];
                    frames[count++] = frames[index];
                }
            }
        }

        ulong? pageSize = pages.IsHuge switch
        {
            true => hugeSize.Value,
            false => MachinePage.SizeBytes,
            null => null,
        };
        int[]? places = count == entries.Length ? null : indexes[..count].ToArray();
        ulong first = MachinePage.Floor(pages.Address);
        int[]? nodes = WithNodes
            ? (_nodes ??= new PageNodes(process as LinuxProcess ?? throw CoreFile.NotLive(process.CorePath!, "the node of a page"))).Find(
                selected[..count], index => first + (ulong)(places?[index] ?? index) * MachinePage.SizeBytes)
            : null;
        return new PageMapChunk(map, pageSize, pages.Address, selected[..count].ToArray(), places, frames?[..count],
            _unknownBits, nodes: nodes);
    }

    private static IEnumerable<PageMapEntry> Entries(IEnumerable<PageMapChunk> chunks)
    {
        foreach (PageMapChunk chunk in chunks)
        {
            for (int index = 0; index < chunk.Count; index++)
            {
                yield return new PageMapEntry(chunk, index);
            }
        }
    }

    /// <summary>Reads the frames of pages; null where a page has none.</summary>
    private PageFlags?[] ReadFrames(FrameTables tables, ReadOnlySpan<ulong> entries)
    {
        List<ulong> pfns = [];
        List<ulong> pages = [];
        List<int> indexes = [];
        for (int index = 0; index < entries.Length; index++)
        {
            RawPageMapEntry page = new(entries[index]);
            if (page.Pfn != 0)
            {
                pfns.Add(page.Pfn);
                pages.Add(page.Raw);
                indexes.Add(index);
            }
        }

        PageFlags?[] read = tables.Read([.. pfns], RawFlags, [.. pages]);
        PageFlags?[] result = new PageFlags?[entries.Length];
        for (int index = 0; index < read.Length; index++)
        {
            result[indexes[index]] = read[index];
        }

        return result;
    }

    private IEnumerable<PageMapEntry> Join(IEnumerable<PageMapEntry> entries) =>
        JoinRuns ? PageRuns.Join(entries) : entries;

    /// <summary>
    /// The size in bytes of the huge pages of a mapping, read when it is first used: a hugetlb mapping's own, else that of
    /// transparent huge pages; null where the kernel does not report it.
    /// </summary>
    private Lazy<ulong?> HugePageSize(ProcMap map) => new(() => OwnPageSize(map)
        ?? (map.Kind == ProcMapKind.HugePages ? null : TransparentHugePageSize()));

    /// <summary>
    /// Returns the page size of a hugetlb mapping: by PROCMAP_QUERY (Linux 6.11), or as smaps of a core has it; null for
    /// other mappings.
    /// </summary>
    private ulong? OwnPageSize(ProcMap map)
    {
        if (process.MapQueries is SafeFileHandle maps)
        {
            return ProcMapQuery.TryQuery(maps, map.Start, orNext: false, out ProcMapQueryArgument answer, out _) == Errno.None
                && answer.VmaPageSize > MachinePage.SizeBytes
                ? answer.VmaPageSize
                : null;
        }

        return map.Kind != ProcMapKind.HugePages ? null : MapReader.ReadDetailed(process, cancellation)
            .FirstOrDefault(found => found.Start == map.Start)?.KernelPageSizeBytes;
    }

    private ulong? TransparentHugePageSize() =>
        process.Pages.HugePageBytes is ulong saved ? saved > 0 ? saved : null : TransparentHugePage.Size(process.Files);
}

/// <summary>The size of transparent huge pages.</summary>
internal static class TransparentHugePage
{
    /// <summary>Returns the size in bytes; null where the kernel does not report it.</summary>
    /// <param name="files">Where sysfs is.</param>
    public static ulong? Size(KernelFiles files) =>
        KernelFiles.TryReadText($"{files.Sys}/kernel/mm/transparent_hugepage/hpage_pmd_size") is string text
        && ulong.TryParse(text, NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out ulong size)
            ? size
            : null;
}

using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Measures in which folios the memory of a process is, and how they are mapped. Consecutive pages in consecutive frames of
/// one folio count together: they are the whole folio or a part of it.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="tables">The frame tables, opened for flags.</param>
/// <param name="cancellation">Stops the measurement.</param>
public sealed class PageFolioMeter(LinuxProcess process, FrameTables tables, CancellationToken cancellation = default)
{
    /// <summary>Pages of the smallest huge mapping: those of a full page table.</summary>
    private static readonly ulong PmdPages = MachinePage.SizeBytes / sizeof(ulong);

    private readonly FolioExtents _extents = new(tables);
    private readonly Dictionary<(FolioKind Kind, ulong Pages, FolioMapping Mapping), FolioSum> _sums = [];
    private FolioPart _part;

    /// <summary>Returns the whole pages of a range.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes; null: one page.</param>
    /// <exception cref="MemProcException">EINVAL: the range is not one of a process.</exception>
    public static AddressRange RangeOf(ulong address, ulong? length) =>
        new AddressRange(address, UserRange.End(address, length ?? 1, Operation.ReadPageMap)).Pages;

    /// <summary>Returns the folios of a process, most bytes first; by mapping, in address order.</summary>
    /// <param name="range">The addresses; their whole pages count, so that a folio at an end can count as partly mapped.</param>
    /// <param name="filter">Selects mappings.</param>
    /// <param name="byMap">Whether each mapping is measured for itself.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps, ReadPageMap: EACCES without ptrace access; EPERM where the kernel hides the frame numbers; ESRCH where the
    /// process exits meanwhile. ReadPageFlags failed.
    /// </exception>
    public IEnumerable<PageFolioSummary> Measure(AddressRange range, MapFilter filter, bool byMap)
    {
        PopulatedPages walk = new(process, cancellation) { DetectHuge = true };
        foreach ((ProcMap map, IEnumerable<PageMapRange> ranges) in walk.ByMap(Maps(walk, range).Where(filter.Matches), range))
        {
            foreach (PageMapRange pages in ranges)
            {
                Add(map, pages);
            }

            EndPart();
            if (byMap)
            {
                foreach (PageFolioSummary summary in Take(map))
                {
                    yield return summary;
                }
            }
        }

        foreach (PageFolioSummary summary in Take(null))
        {
            yield return summary;
        }
    }

    private IEnumerable<ProcMap> Maps(PopulatedPages walk, AddressRange range)
    {
        bool any = false;
        foreach (ProcMap map in walk.Maps(range))
        {
            any = true;
            yield return map;
        }

        if (!any)
        {
            throw MapReader.NotMapped(process, range.Start);
        }
    }

    private List<PageFolioSummary> Take(ProcMap? map)
    {
        List<PageFolioSummary> summaries =
        [
            .. from sum in _sums
               orderby sum.Value.Pages descending, sum.Key
               select new PageFolioSummary(process.Identity, map, sum.Key.Kind, sum.Key.Pages, sum.Key.Mapping, sum.Value),
        ];
        _sums.Clear();
        return summaries;
    }

    private void Add(ProcMap map, PageMapRange pages)
    {
        ReadOnlySpan<ulong> entries = pages.Entries.Span;
        ulong[] pfns = new ulong[entries.Length];
        int[] places = new int[entries.Length];
        int count = 0;
        for (int index = 0; index < entries.Length; index++)
        {
            RawPageMapEntry entry = new(entries[index]);
            if (entry.IsPresent)
            {
                places[count] = index;
                pfns[count++] = entry.IsPfnHidden ? throw PageMapReader.FramesHidden() : entry.Pfn;
            }
        }

        ulong?[] flags = Flags(pfns.AsSpan(0, count));
        ulong firstPage = pages.Address / MachinePage.SizeBytes;
        for (int index = 0; index < count; index++)
        {
            KernelPageFlagSet set = new(flags[index] ?? 0);
            ulong page = firstPage + (ulong)places[index];
            if (set.IsCompoundTail && _part.IsContinuedBy(page, pfns[index], pages.IsHuge))
            {
                _part.Count++;
                continue;
            }

            EndPart();
            _part = new FolioPart
            {
                Page = page, Pfn = pfns[index], Count = 1, IsHuge = pages.IsHuge, IsSingle = !set.IsCompoundTail && !set.IsCompoundHead,
                BeginsWithHead = set.IsCompoundHead,
                Kind = flags[index] is null ? FolioKind.Other : KindOf(map, set, new RawPageMapEntry(entries[places[index]])),
            };
        }
    }

    /// <summary>Counts the part of a folio that ends here.</summary>
    private void EndPart()
    {
        if (_part.Count == 0)
        {
            return;
        }

        bool isWhole = _part.IsSingle || (_part.BeginsWithHead && !_extents.IsTail(_part.Pfn + _part.Count));
        ulong size = isWhole ? _part.Count : _extents.FramesOf(_part.Pfn);
        FolioMapping mapping = _part.IsHuge == true || (_part.IsHuge is null && _part.Kind == FolioKind.HugePages) ? FolioMapping.Pmd
            : !isWhole ? FolioMapping.Partial
            : _part.Page % size != 0 ? FolioMapping.Unaligned
            : _part.IsHuge is null && size >= PmdPages ? FolioMapping.PmdOrAligned
            : FolioMapping.Aligned;
        ref FolioSum sum = ref CollectionsMarshal.GetValueRefOrAddDefault(_sums, (_part.Kind, size, mapping), out _);
        sum = new FolioSum(sum.Folios + 1, sum.Pages + _part.Count);
        _part = default;
    }

    /// <summary>Reads the flags of frames in any order; null where the machine has no such frame, as with device memory.</summary>
    private ulong?[] Flags(ReadOnlySpan<ulong> pfns)
    {
        ulong[] sorted = pfns.ToArray();
        int[] order = new int[sorted.Length];
        for (int index = 0; index < order.Length; index++)
        {
            order[index] = index;
        }

        Array.Sort(sorted, order);
        ulong[] words = new ulong[sorted.Length];
        int known = tables.ReadFlags(sorted, words);
        ulong?[] flags = new ulong?[sorted.Length];
        for (int index = 0; index < known; index++)
        {
            flags[order[index]] = words[index];
        }

        return flags;
    }

    private static FolioKind KindOf(ProcMap map, KernelPageFlagSet flags, RawPageMapEntry entry) =>
        flags.IsZeroPage ? FolioKind.ZeroPage
        : flags.IsHugeTlb ? FolioKind.HugePages
        : flags.IsAnonymous ? FolioKind.Anonymous
        : map.Kind is ProcMapKind.Vdso or ProcMapKind.Vvar or ProcMapKind.Device or ProcMapKind.Special ? FolioKind.Other
        : flags.IsSwapBacked || map.Kind == ProcMapKind.SharedMemory ? FolioKind.SharedMemory
        : entry.IsFileOrShared ? FolioKind.File
        : FolioKind.Other;

    /// <summary>Consecutive pages of a folio that are mapped in consecutive order.</summary>
    private record struct FolioPart
    {
        public ulong Page { get; init; }

        public ulong Pfn { get; init; }

        public ulong Count { get; set; }

        public bool? IsHuge { get; init; }

        public bool BeginsWithHead { get; init; }

        /// <summary>It is a folio of one frame.</summary>
        public bool IsSingle { get; init; }

        public FolioKind Kind { get; init; }

        public readonly bool IsContinuedBy(ulong page, ulong pfn, bool? isHuge) =>
            Count > 0 && page == Page + Count && pfn == Pfn + Count && isHuge == IsHuge;
    }
}

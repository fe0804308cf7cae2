using MemProc.Interop;

namespace MemProc;

/// <summary>Finds the states of pages that a picture shows. The first value stands for pages without one.</summary>
internal abstract class PageStates : IDisposable
{
    /// <summary>The values.</summary>
    public abstract PictureValue[] Values { get; }

    /// <summary>What the picture shows.</summary>
    public abstract string Title { get; }

    /// <summary>Counts the pages of a mapping.</summary>
    public abstract void AddTo(CellCounts counts, ProcMap map);

    /// <summary>Prepares the states of a grouping; null where it shows mappings, not pages.</summary>
    public static PageStates? Create(MemoryTarget target, MapPictureGrouping by, CancellationToken cancellation) => by switch
    {
        MapPictureGrouping.Kind or MapPictureGrouping.Permission => null,
        MapPictureGrouping.Residency when target is CoreFile core => new SavedPages(core),
        MapPictureGrouping.Residency => new EntryStates((LinuxProcess)target, PictureValues.Residency, "Address space by residency",
            entry => entry.IsPresent ? 1 : entry.IsSwapped ? 2 : entry.IsGuard ? 3 : 0, cancellation),
        MapPictureGrouping.Sharing => new EntryStates((LinuxProcess)target, PictureValues.Sharing, "Address space by sharing",
            entry => !entry.IsPresent ? 0 : entry.IsExclusive ? 1 : 2, cancellation),
        MapPictureGrouping.Node => new NodeStates((LinuxProcess)target, cancellation),
        MapPictureGrouping.Dirty when SoftDirtyProbe.IsSupported(target.Files) => new EntryStates(
            (LinuxProcess)target, PictureValues.Dirty, "Address space by writes since Clear-SoftDirty",
            entry => !entry.IsPresent ? 0 : entry.IsSoftDirty ? 1 : 2, cancellation),
        MapPictureGrouping.Dirty => new DirtyMaps((LinuxProcess)target, cancellation),
        _ => new FrameStates((LinuxProcess)target, cancellation),
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases resources.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Joins neighboring pages of one state.</summary>
    private protected static void AddRuns(CellCounts counts, ulong address, ReadOnlySpan<int> states)
    {
        for (int index = 0; index < states.Length;)
        {
            int first = index;
            while (index < states.Length && states[index] == states[first])
            {
                index++;
            }

            if (states[first] > 0)
            {
                counts.Add(new AddressRange(address + (ulong)first * MachinePage.SizeBytes,
                    address + (ulong)index * MachinePage.SizeBytes), states[first]);
            }
        }
    }

    /// <summary>States that come from entries of pagemap.</summary>
    private abstract class WalkedStates(LinuxProcess process, CancellationToken cancellation) : PageStates
    {
        private readonly PopulatedPages _pages = new(process, cancellation);
        private int[] _states = [];

        public sealed override void AddTo(CellCounts counts, ProcMap map)
        {
            foreach (PageMapRange pages in _pages.Of(map, AddressRange.All))
            {
                if (_states.Length < pages.Entries.Length)
                {
                    _states = new int[pages.Entries.Length];
                }

                Span<int> states = _states.AsSpan(0, pages.Entries.Length);
                Find(pages, states);
                AddRuns(counts, pages.Address, states);
            }
        }

        protected abstract void Find(PageMapRange pages, Span<int> states);
    }

    private sealed class EntryStates(LinuxProcess process, PictureValue[] values, string title,
        Func<RawPageMapEntry, int> stateOf, CancellationToken cancellation) : WalkedStates(process, cancellation)
    {
        public override PictureValue[] Values => values;

        public override string Title => title;

        protected override void Find(PageMapRange pages, Span<int> states)
        {
            ReadOnlySpan<ulong> entries = pages.Entries.Span;
            for (int index = 0; index < entries.Length; index++)
            {
                states[index] = stateOf(new RawPageMapEntry(entries[index]));
            }
        }
    }

    private sealed class NodeStates : WalkedStates
    {
        private readonly PageNodes _nodes;

        public NodeStates(LinuxProcess process, CancellationToken cancellation)
            : base(process, cancellation)
        {
            _nodes = new PageNodes(process);
            string possible = KernelFiles.TryReadText($"{process.Files.Sys}/devices/system/node/possible") ?? "0";
            // A list of ranges in ascending order, such as 0-3.
            Values = PictureValues.Nodes(int.TryParse(possible.Trim().Split('-', ',')[^1], out int last) && last < 1024 ? last + 1 : 1);
        }

        public override PictureValue[] Values { get; }

        public override string Title => "Address space by NUMA node";

        protected override void Find(PageMapRange pages, Span<int> states)
        {
            int[] nodes = _nodes.Find(pages.Entries.Span, index => pages.Address + (ulong)index * MachinePage.SizeBytes);
            for (int index = 0; index < nodes.Length; index++)
            {
                states[index] = nodes[index] >= 0 && nodes[index] + 1 < Values.Length ? nodes[index] + 1 : 0;
            }
        }
    }

    /// <summary>What the frames are, by kpageflags.</summary>
    private sealed class FrameStates(LinuxProcess process, CancellationToken cancellation) : WalkedStates(process, cancellation)
    {
        private const ulong Ksm = 1UL << 21, Zero = 1UL << 24, HugeTlb = 1UL << 17, Thp = 1UL << 22, Anonymous = 1UL << 12;

        private readonly FrameTables _tables = new(FrameAttributes.Flags, process.Files);
        private ulong[] _pfns = [];
        private int[] _order = [];
        private ulong[] _flags = [];

        public override PictureValue[] Values => PictureValues.Frames;

        public override string Title => "Address space by frame";

        protected override void Find(PageMapRange pages, Span<int> states)
        {
            states.Clear();
            if (_pfns.Length < states.Length)
            {
                _pfns = new ulong[states.Length];
                _order = new int[states.Length];
                _flags = new ulong[states.Length];
            }

            int count = 0;
            ReadOnlySpan<ulong> entries = pages.Entries.Span;
            for (int index = 0; index < entries.Length; index++)
            {
                RawPageMapEntry entry = new(entries[index]);
                if (entry.IsPfnHidden)
                {
                    throw PageMapReader.FramesHidden();
                }

                if (entry.IsPresent)
                {
                    _pfns[count] = entry.Pfn;
                    _order[count++] = index;
                }
            }

            Array.Sort(_pfns, _order, 0, count);
            for (int first = 0; first < count; first += FrameTables.BatchFrames)
            {
                int size = Math.Min(FrameTables.BatchFrames, count - first);
                int known = _tables.ReadFlags(_pfns.AsSpan(first, size), _flags.AsSpan(first, size));
                for (int index = first; index < first + size; index++)
                {
                    // Device memory has frames after the end of the table.
                    states[_order[index]] = index - first < known ? StateOf(_flags[index], new RawPageMapEntry(entries[_order[index]])) : 7;
                }
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _tables.Dispose();
            }

            base.Dispose(disposing);
        }

        // Some kernels set the flag of KSM on every anonymous page, so an exclusive one is not taken for merged.
        private static int StateOf(ulong flags, RawPageMapEntry entry) =>
            (flags & Zero) != 0 ? 5
            : (flags & Ksm) != 0 && !entry.IsExclusive ? 6
            : (flags & HugeTlb) != 0 ? 4
            : (flags & Thp) != 0 ? 3
            : (flags & Anonymous) != 0 ? 1 : 2;
    }

    /// <summary>What a core has of the pages.</summary>
    private sealed class SavedPages(CoreFile core) : PageStates
    {
        public override PictureValue[] Values => PictureValues.Saved;

        public override string Title => "Address space by what the core has";

        public override void AddTo(CellCounts counts, ProcMap map)
        {
            AddressRange whole = new(map.Start, map.End);
            foreach (AddressRange range in core.Memory.StoredRanges(map.Start, map.End))
            {
                counts.Add(range.Clip(whole), 1);
            }
        }
    }

    /// <summary>
    /// Dirty bytes of mappings by smaps, for kernels without soft-dirty bits: they spread evenly over the mapping.
    /// </summary>
    private sealed class DirtyMaps : PageStates
    {
        private readonly Dictionary<ulong, ProcMapDetail> _details = [];

        public DirtyMaps(LinuxProcess process, CancellationToken cancellation)
        {
            foreach (ProcMapDetail map in MapReader.ReadDetailed(process, cancellation))
            {
                _details[map.Start] = map;
            }
        }

        public override PictureValue[] Values => PictureValues.Dirty;

        public override string Title => "Address space by dirty pages, the sums of each mapping";

        public override void AddTo(CellCounts counts, ProcMap map)
        {
            if (_details.TryGetValue(map.Start, out ProcMapDetail? detail) && detail.RssBytes is > 0 and ulong resident)
            {
                AddressRange range = new(map.Start, map.End);
                ulong dirty = (detail.SharedDirtyBytes ?? 0) + (detail.PrivateDirtyBytes ?? 0);
                counts.Add(range, 1, (double)dirty / map.SizeBytes);
                counts.Add(range, 2, (double)(resident - Math.Min(dirty, resident)) / map.SizeBytes);
            }
        }
    }
}

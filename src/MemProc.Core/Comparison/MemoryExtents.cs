using MemProc.Interop;

namespace MemProc;

/// <summary>What a target has of a range of memory.</summary>
internal enum MemoryExtentKind
{
    /// <summary>Bytes that can be read.</summary>
    Data,
    /// <summary>Zeros, known without a read.</summary>
    Zero,
    /// <summary>Nothing.</summary>
    Missing,
}

/// <summary>Consecutive memory of one kind.</summary>
/// <param name="Range">The addresses.</param>
/// <param name="Kind">What the target has.</param>
/// <param name="Gap">Why it has nothing, where that is so.</param>
internal readonly record struct MemoryExtent(AddressRange Range, MemoryExtentKind Kind, MemoryGapKind Gap = default);

/// <summary>
/// Finds what a target has of its memory without reading it, so that a comparison changes no process: pages that were never
/// touched are zeros, and pages that are not in memory stay there.
/// </summary>
/// <param name="target">The process or core.</param>
/// <param name="includeNotResident">Count as data what has to be faulted in, or what a core left to a file.</param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class MemoryExtents(MemoryTarget target, bool includeNotResident, CancellationToken cancellation)
{
    private readonly PopulatedPages? _pages = target is LinuxProcess live ? new PopulatedPages(live, cancellation) : null;

    /// <summary>VmFlags by the start of a mapping: they say which memory is that of a device or has a handler.</summary>
    private readonly Dictionary<ulong, MapTraits> _traits = target is LinuxProcess process
        ? MapWithTraits.Read(process, cancellation).ToDictionary(map => map.Map.Start, map => map.Traits)
        : [];

    /// <summary>Returns the extents of a part of a mapping, in address order and without holes between them.</summary>
    /// <param name="map">The mapping.</param>
    /// <param name="range">The part, in whole pages.</param>
    /// <exception cref="MemProcException">ReadPageMap: EACCES without ptrace access.</exception>
    public IEnumerable<MemoryExtent> Of(ProcMap map, AddressRange range)
    {
        MapTraits traits = _traits.GetValueOrDefault(map.Start);
        return map.Kind is ProcMapKind.Vvar or ProcMapKind.Vsyscall or ProcMapKind.Device || traits.HasFlag(MapTraits.Device)
            ? [new MemoryExtent(range, MemoryExtentKind.Missing, MemoryGapKind.LeftOut)]
            : target is CoreFile core ? Filled(OfCore(core, range), range, map)
            // The kernel's own pages are in memory even where the process has not touched them yet.
            : map.Kind == ProcMapKind.Vdso ? [new MemoryExtent(range, MemoryExtentKind.Data)]
            : Joined(OfProcess(map, range, traits));
    }

    /// <summary>What a core holds. Pages of zeros can be holes of the file.</summary>
    private static IEnumerable<MemoryExtent> OfCore(CoreFile core, AddressRange range)
    {
        foreach (AddressRange saved in core.Memory.Ranges(range.Start, range.End))
        {
            ulong at = saved.Start;
            foreach (AddressRange stored in core.Memory.StoredRanges(saved.Start, saved.End))
            {
                if (stored.Start > at)
                {
                    yield return new MemoryExtent(new AddressRange(at, stored.Start), MemoryExtentKind.Zero);
                }

                yield return new MemoryExtent(stored, MemoryExtentKind.Data);
                at = stored.End;
            }

            if (at < saved.End)
            {
                yield return new MemoryExtent(new AddressRange(at, saved.End), MemoryExtentKind.Zero);
            }
        }
    }

    /// <summary>Adds what is between the extents that a core holds.</summary>
    private IEnumerable<MemoryExtent> Filled(IEnumerable<MemoryExtent> extents, AddressRange range, ProcMap map)
    {
        bool isInFile = includeNotResident && target is CoreFile core && core.Backing.CanHave(map, range.Start);
        MemoryExtentKind between = isInFile ? MemoryExtentKind.Data : MemoryExtentKind.Missing;
        ulong at = range.Start;
        foreach (MemoryExtent extent in extents)
        {
            if (extent.Range.Start > at)
            {
                yield return new MemoryExtent(new AddressRange(at, extent.Range.Start), between, MemoryGapKind.NotSaved);
            }

            yield return extent;
            at = extent.Range.End;
        }

        if (at < range.End)
        {
            yield return new MemoryExtent(new AddressRange(at, range.End), between, MemoryGapKind.NotSaved);
        }
    }

    private IEnumerable<MemoryExtent> OfProcess(ProcMap map, AddressRange range, MapTraits traits)
    {
        MemoryExtentKind swapped = includeNotResident ? MemoryExtentKind.Data : MemoryExtentKind.Missing;
        bool hasHandler = traits.HasFlag(MapTraits.Userfault);
        MemoryExtent absent = new(default, IsZeroUntilTouched(map) && !hasHandler ? MemoryExtentKind.Zero
            : hasHandler ? MemoryExtentKind.Missing : swapped, hasHandler ? MemoryGapKind.Userfault : MemoryGapKind.NotResident);
        ulong at = range.Start;
        foreach (PageMapRange pages in _pages!.Of(map, range))
        {
            if (pages.Address > at)
            {
                yield return absent with { Range = new AddressRange(at, pages.Address) };
            }

            for (int first = 0, next; first < pages.Entries.Length; first = next)
            {
                MemoryExtent extent = KindOf(pages.Entries.Span[first], absent, swapped);
                for (next = first + 1; next < pages.Entries.Length; next++)
                {
                    if (KindOf(pages.Entries.Span[next], absent, swapped) != extent)
                    {
                        break;
                    }
                }

                yield return extent with
                {
                    Range = new AddressRange(pages.Address + (ulong)first * MachinePage.SizeBytes,
                        pages.Address + (ulong)next * MachinePage.SizeBytes),
                };
            }

            at = pages.Address + (ulong)pages.Entries.Length * MachinePage.SizeBytes;
        }

        if (at < range.End)
        {
            yield return absent with { Range = new AddressRange(at, range.End) };
        }
    }

    private static MemoryExtent KindOf(ulong entry, MemoryExtent absent, MemoryExtentKind swapped)
    {
        RawPageMapEntry page = new(entry);
        return page.IsPresent ? new MemoryExtent(default, MemoryExtentKind.Data)
            : page.IsGuard ? new MemoryExtent(default, MemoryExtentKind.Missing, MemoryGapKind.Unreadable)
            : page.IsSwapped ? new MemoryExtent(default, swapped, MemoryGapKind.NotResident)
            : absent;
    }

    private static IEnumerable<MemoryExtent> Joined(IEnumerable<MemoryExtent> extents)
    {
        MemoryExtent? open = null;
        foreach (MemoryExtent extent in extents)
        {
            if (open is MemoryExtent last && last.Kind == extent.Kind && last.Gap == extent.Gap)
            {
                open = last with { Range = last.Range with { End = extent.Range.End } };
                continue;
            }

            if (open is MemoryExtent done)
            {
                yield return done;
            }

            open = extent;
        }

        if (open is MemoryExtent rest)
        {
            yield return rest;
        }
    }

    /// <summary>Whether untouched pages are known to be zero: private memory that no file backs and only the kernel fills.</summary>
    private static bool IsZeroUntilTouched(ProcMap map) => !map.IsShared && map.Inode == 0
        && map.Kind is ProcMapKind.Anonymous or ProcMapKind.NamedAnonymous or ProcMapKind.Heap or ProcMapKind.Stack;
}

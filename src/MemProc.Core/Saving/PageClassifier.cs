using MemProc.Interop;

namespace MemProc;

/// <summary>Classifies the pages of mappings for a dump: to be read, known to be zero, or left out.</summary>
/// <param name="process">The process.</param>
/// <param name="options">The options of the dump.</param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class PageClassifier(LinuxProcess process, SaveOptions options, CancellationToken cancellation)
{
    private readonly PopulatedPages _pages = new(process, cancellation);

    /// <summary>Returns the ranges of an area, in address order and without holes between them.</summary>
    /// <exception cref="MemProcException">
    /// ReadPageMap: EACCES without ptrace access; ESRCH where the process exits.
    /// </exception>
    public IEnumerable<DumpRange> Classify(SavedArea area)
    {
        MapTraits traits = area.Mapping.Traits;
        if (options.NoContent || area.Map.Kind is ProcMapKind.Vvar or ProcMapKind.Vsyscall || traits.HasFlag(MapTraits.Device)
            || (traits.HasFlag(MapTraits.DontDump) && !options.IncludeDontDump))
        {
            return [new DumpRange(area.Start, area.End, DumpRangeKind.LeftOut)];
        }

        // The kernel's own pages are in memory even where the process has not touched them yet.
        return area.Map.Kind == ProcMapKind.Vdso
            ? [new DumpRange(area.Start, area.End, DumpRangeKind.Read)]
            : Joined(area);
    }

    private IEnumerable<DumpRange> Joined(SavedArea area)
    {
        DumpRangeKind swapped = options.ReadAll ? DumpRangeKind.Read : DumpRangeKind.NotResident;
        // With all, those that need no handler are read: a file in memory can have pages that are not mapped.
        DumpRangeKind absent = area.Mapping.Traits.HasFlag(MapTraits.Userfault)
            ? options.ReadAll || options.AllowUserfault ? DumpRangeKind.Read : DumpRangeKind.Userfault
            : IsZeroUntilTouched(area) ? DumpRangeKind.Zero
            : swapped;
        DumpRange open = new(area.Start, area.Start, absent);
        foreach ((_, PageMapRange pages) in _pages.In([area.Map], new AddressRange(area.Start, area.End)))
        {
            if (pages.Address > open.End)
            {
                if (open.Kind != absent)
                {
                    yield return open;
                    open = new DumpRange(open.End, open.End, absent);
                }

                open = open with { End = pages.Address };
            }

            for (int index = 0; NextRun(pages, ref index, absent, swapped) is DumpRange run;)
            {
                ulong end = Math.Min(run.End, area.End);
                if (run.Kind != open.Kind)
                {
                    if (open.Length > 0)
                    {
                        yield return open;
                    }

                    open = run with { Start = open.End };
                }

                open = open with { End = end };
            }
        }

        if (open.End < area.End && open.Kind != absent)
        {
            yield return open;
            open = new DumpRange(open.End, open.End, absent);
        }

        yield return open with { End = area.End };
    }

    private static DumpRange? NextRun(
        PageMapRange pages, ref int index, DumpRangeKind absent, DumpRangeKind swapped)
    {
        ReadOnlySpan<ulong> entries = pages.Entries.Span;
        if (index == entries.Length)
        {
            return null;
        }

        int first = index;
        DumpRangeKind kind = KindOf(entries[index], absent, swapped);
        while (++index < entries.Length && KindOf(entries[index], absent, swapped) == kind)
        {
        }

        return new DumpRange(pages.Address + (ulong)first * MachinePage.SizeBytes,
            pages.Address + (ulong)index * MachinePage.SizeBytes, kind);
    }

    private static DumpRangeKind KindOf(ulong entry, DumpRangeKind absent, DumpRangeKind swapped)
    {
        RawPageMapEntry page = new(entry);
        return page.IsPresent ? DumpRangeKind.Read
            : page.IsGuard ? DumpRangeKind.Guard
            : page.IsSwapped ? swapped
            : absent;
    }

    /// <summary>
    /// Returns whether untouched pages are known to be zero: private memory that no file backs and only the kernel
    /// fills.
    /// </summary>
    private static bool IsZeroUntilTouched(SavedArea area) => !area.Map.IsShared && area.Map.Inode == 0
        && area.Map.Kind is ProcMapKind.Anonymous or ProcMapKind.NamedAnonymous or ProcMapKind.Heap or ProcMapKind.Stack;
}

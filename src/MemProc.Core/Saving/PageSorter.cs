using MemProc.Interop;

namespace MemProc;

/// <summary>Classifies the pages of mappings for a dump: to be read, known to be zero, or left out.</summary>
/// <param name="process">The process.</param>
/// <param name="options">The options of the dump.</param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class PageSorter(LinuxProcess process, SaveOptions options, CancellationToken cancellation)
{
    private readonly PopulatedPages _pages = new(process, cancellation);

    /// <summary>Returns the ranges of an area, in address order and without holes between them.</summary>
    /// <exception cref="MemProcException">
    /// ReadPageMap: EACCES without ptrace access; ESRCH where the process exits.
    /// </exception>
    public IEnumerable<PageStretch> Sort(SavedArea area)
    {
        MapTraits traits = area.Mapping.Traits;
        if (area.Map.Kind is ProcMapKind.Vvar or ProcMapKind.Vsyscall || traits.HasFlag(MapTraits.Device)
            || (traits.HasFlag(MapTraits.DontDump) && !options.IncludeDontDump))
        {
            return [new PageStretch(area.Start, area.End, PageStretchKind.LeftOut)];
        }

        // The kernel's own pages are in memory even where the process has not touched them yet.
        return area.Map.Kind == ProcMapKind.Vdso
            ? [new PageStretch(area.Start, area.End, PageStretchKind.Read)]
            : Joined(area);
    }

    private IEnumerable<PageStretch> Joined(SavedArea area)
    {
        bool readsAbsent = options.ReadAll && !area.Mapping.Traits.HasFlag(MapTraits.FilledByUser);
        PageStretchKind swapped = readsAbsent ? PageStretchKind.Read : PageStretchKind.NotResident;
        PageStretchKind absent = IsZeroUntilTouched(area) ? PageStretchKind.Zero : swapped;
        PageStretch open = new(area.Start, area.Start, absent);
        foreach ((_, PageMapStretch pages) in _pages.In([area.Map], new AddressRange(area.Start, area.End)))
        {
            if (pages.Address > open.End)
            {
                if (open.Kind != absent)
                {
                    yield return open;
                    open = new PageStretch(open.End, open.End, absent);
                }

                open = open with { End = pages.Address };
            }

            for (int index = 0; NextRun(pages, ref index, absent, swapped) is PageStretch run;)
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
            open = new PageStretch(open.End, open.End, absent);
        }

        yield return open with { End = area.End };
    }

    private static PageStretch? NextRun(
        PageMapStretch pages, ref int index, PageStretchKind absent, PageStretchKind swapped)
    {
        ReadOnlySpan<ulong> entries = pages.Words.Span;
        if (index == entries.Length)
        {
            return null;
        }

        int first = index;
        PageStretchKind kind = KindOf(entries[index], absent, swapped);
        while (++index < entries.Length && KindOf(entries[index], absent, swapped) == kind)
        {
        }

        return new PageStretch(pages.Address + (ulong)first * MachinePage.SizeBytes,
            pages.Address + (ulong)index * MachinePage.SizeBytes, kind);
    }

    private static PageStretchKind KindOf(ulong entry, PageStretchKind absent, PageStretchKind swapped)
    {
        PageMapWord page = new(entry);
        return page.IsPresent ? PageStretchKind.Read
            : page.IsGuard ? PageStretchKind.Guard
            : page.IsSwapped ? swapped
            : absent;
    }

    /// <summary>
    /// Returns whether untouched pages are known to be zero: private memory that no file backs and only the kernel
    /// fills.
    /// </summary>
    private static bool IsZeroUntilTouched(SavedArea area) => !area.Map.IsShared && area.Map.Inode == 0
        && area.Map.Kind is ProcMapKind.Anonymous or ProcMapKind.NamedAnonymous or ProcMapKind.Heap or ProcMapKind.Stack
        && !area.Mapping.Traits.HasFlag(MapTraits.FilledByUser);
}

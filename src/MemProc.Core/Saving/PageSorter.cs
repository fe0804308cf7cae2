using MemProc.Interop;

namespace MemProc;

/// <summary>Sorts the pages of mappings into what is read, what is zero anyway, and what is not to be read.</summary>
/// <param name="process">The process.</param>
/// <param name="options">What is wanted.</param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class PageSorter(LinuxProcess process, SaveOptions options, CancellationToken cancellation)
{
    private readonly PageMapReader _reader = new(process, cancellation);

    /// <summary>The stretches of an area, in address order and without holes between them.</summary>
    /// <exception cref="MemProcException">ReadPageMap: EACCES without ptrace access; ESRCH where it exits.</exception>
    public IEnumerable<PageStretch> Sort(SavedArea area)
    {
        MapTraits traits = area.Mapping.Traits;
        if (area.Map.Kind is ProcMapKind.Vvar or ProcMapKind.Vsyscall || traits.HasFlag(MapTraits.Device)
            || (traits.HasFlag(MapTraits.DontDump) && !options.IncludeDontDump))
        {
            return [new PageStretch(area.Start, area.End, PageStretchKind.LeftOut)];
        }

        // The kernel's own pages are in memory whether this process has mapped them in yet or not.
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
        foreach (PageMapStretch words in _reader.ReadPopulated(
            MachinePage.Floor(area.Start), MachinePage.Ceiling(area.End)))
        {
            if (words.Address > open.End)
            {
                if (open.Kind != absent)
                {
                    yield return open;
                    open = new PageStretch(open.End, open.End, absent);
                }

                open = open with { End = words.Address };
            }

            for (int index = 0; NextRun(words, ref index, absent, swapped) is PageStretch run;)
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
        PageMapStretch stretch, ref int index, PageStretchKind absent, PageStretchKind swapped)
    {
        ReadOnlySpan<ulong> words = stretch.Words.Span;
        if (index == words.Length)
        {
            return null;
        }

        int first = index;
        PageStretchKind kind = KindOf(words[index], absent, swapped);
        while (++index < words.Length && KindOf(words[index], absent, swapped) == kind)
        {
        }

        return new PageStretch(stretch.Address + (ulong)first * MachinePage.SizeBytes,
            stretch.Address + (ulong)index * MachinePage.SizeBytes, kind);
    }

    private static PageStretchKind KindOf(ulong raw, PageStretchKind absent, PageStretchKind swapped)
    {
        PageMapWord word = new(raw);
        return word.IsPresent ? PageStretchKind.Read
            : word.IsGuard ? PageStretchKind.Guard
            : word.IsSwapped ? swapped
            : absent;
    }

    /// <summary>
    /// Whether a page that was never touched is known to hold zeros: private memory without a file behind it, which
    /// nobody but the kernel fills.
    /// </summary>
    private static bool IsZeroUntilTouched(SavedArea area) => !area.Map.IsShared && area.Map.Inode == 0
        && area.Map.Kind is ProcMapKind.Anonymous or ProcMapKind.NamedAnonymous or ProcMapKind.Heap or ProcMapKind.Stack
        && !area.Mapping.Traits.HasFlag(MapTraits.FilledByUser);
}

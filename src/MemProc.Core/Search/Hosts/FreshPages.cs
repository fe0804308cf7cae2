using MemProc.Interop;

namespace MemProc;

/// <summary>
/// The pages of one process that were not searched in another one, with as many bytes around them as a match can have.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="seen">The frames that were searched; new ones are added.</param>
/// <param name="successors">Which frames were searched next to each other.</param>
/// <param name="reach">Bytes around a page that a match with a byte in it can have.</param>
/// <param name="cancellation">Stops the walk.</param>
internal sealed class FreshPages(
    LinuxProcess process, FrameSet seen, FrameSuccessors successors, ulong reach, CancellationToken cancellation)
{
    private readonly Lock _lock = new();
    private readonly Queue<Fresh> _fresh = [];
    private ulong _pageEnd;
    private ulong _pagePfn;

    /// <summary>Bytes that are resident in the mappings, searched or not.</summary>
    public ulong ResidentBytes { get; private set; }

    /// <summary>Returns the ranges to search, in address order. Called for one part of a mapping after the other.</summary>
    public IEnumerable<AddressRange> Ranges(ulong start, ulong end)
    {
        AddressRange open = default;
        foreach (AddressRange range in Parts(start, end))
        {
            ulong from = Math.Max(range.Start, start), until = Math.Min(range.End, end);
            if (from <= open.End && open.End > 0)
            {
                open = open with { End = Math.Max(open.End, until) };
                continue;
            }

            if (open.End > 0)
            {
                yield return open;
            }

            open = new AddressRange(from, until);
        }

        if (open.End > 0)
        {
            yield return open;
        }
    }

    /// <summary>
    /// Whether a match is one that no other process has shown: it has a byte in a page that was not searched before, or
    /// spans two pages that were not searched together. Called in address order.
    /// </summary>
    public bool IsFresh(ulong address, ulong end)
    {
        lock (_lock)
        {
            while (_fresh.TryPeek(out Fresh done) && (done.IsBorder ? done.Start <= address : done.End <= address))
            {
                _fresh.Dequeue();
            }

            foreach (Fresh one in _fresh)
            {
                if (one.Start >= end)
                {
                    return false;
                }

                if (one.IsBorder ? one.Start > address : one.End > address)
                {
                    return true;
                }
            }

            return false;
        }
    }

    private IEnumerable<AddressRange> Parts(ulong start, ulong end)
    {
        ulong page = MachinePage.SizeBytes, runStart = 0, runEnd = 0, included = 0, last = 0;
        foreach ((_, PageMapRange pages) in new PopulatedPages(process, cancellation).In(new AddressRange(start, end)))
        {
            for (int index = 0; index < pages.Entries.Length; index++)
            {
                RawPageMapEntry entry = new(pages.Entries.Span[index]);
                if (!entry.IsPresent)
                {
                    continue;
                }

                ulong at = pages.Address + (ulong)index * page;
                bool follows = at == runEnd;
                if (!follows)
                {
                    if (runEnd > 0)
                    {
                        // What follows can be in another part: a match can begin here.
                        yield return Tail(runStart, runEnd);
                    }

                    runStart = at;
                }

                runEnd = last = at + page;
                ResidentBytes += page;
                bool isKnownPair = _pageEnd == at && successors.IsKnown(_pagePfn, entry.Pfn);
                bool isNew = seen.Add(entry.Pfn);
                if (isNew)
                {
                    Note(at, at + page, isBorder: false);
                    included = at + page + reach;
                    yield return new AddressRange(at - Math.Min(reach, at - runStart), at + page);
                }
                else if (_pageEnd == at && !isKnownPair)
                {
                    Note(at, at, isBorder: true);
                    included = Math.Max(included, at + reach);
                    yield return new AddressRange(at - Math.Min(reach, at - runStart), Math.Min(at + page, included));
                }
                else if (!follows)
                {
                    included = Math.Max(included, at + reach);
                    yield return new AddressRange(at, Math.Min(at + page, included));
                }
                else if (included > at)
                {
                    yield return new AddressRange(at, Math.Min(at + page, included));
                }

                (_pageEnd, _pagePfn) = (at + page, entry.Pfn);
            }
        }

        if (last > 0)
        {
            yield return Tail(runStart, runEnd);
        }
    }

    private AddressRange Tail(ulong runStart, ulong runEnd) => new(runEnd - Math.Min(reach, runEnd - runStart), runEnd);

    private void Note(ulong start, ulong end, bool isBorder)
    {
        lock (_lock)
        {
            _fresh.Enqueue(new Fresh(start, end, isBorder));
        }
    }

    /// <summary>A page, or the border between two.</summary>
    private readonly record struct Fresh(ulong Start, ulong End, bool IsBorder);
}

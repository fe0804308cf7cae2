namespace MemProc;

/// <summary>Divides the memory that two targets have in common into pieces, in address order.</summary>
internal sealed class ComparisonPlan
{
    private readonly MemoryExtents _before;
    private readonly MemoryExtents _after;
    private readonly IEnumerator<ComparedPart> _source;
    private readonly ComparisonTally _tally;
    private readonly ulong _base;
    private readonly ulong _stride;
    private ComparedPart? _pending;
    private ulong _end;

    /// <summary>Prepares a plan.</summary>
    /// <param name="pairs">The mappings side by side.</param>
    /// <param name="before">What the target before has.</param>
    /// <param name="after">What the target after has.</param>
    /// <param name="stride">Bytes from one value to the next, from the start on: no value is cut in two.</param>
    /// <param name="start">Address of the first value.</param>
    /// <param name="tally">Counts what needs no read.</param>
    public ComparisonPlan(
        IEnumerable<MapPair> pairs, MemoryExtents before, MemoryExtents after, ulong stride, ulong start, ComparisonTally tally)
    {
        _before = before;
        _after = after;
        _stride = stride;
        _base = start;
        _tally = tally;
        _source = Parts(pairs).GetEnumerator();
        _pending = _source.MoveNext() ? _source.Current : null;
    }

    /// <summary>Fills a piece with what comes next. Returns false at the end.</summary>
    public bool TryFill(ComparisonChunk chunk)
    {
        chunk.Clear();
        while (_pending is ComparedPart part && !chunk.IsFull)
        {
            if (chunk.IsEmpty && part.Range.Start == _end && Rest(_end) is > 0 and ulong back)
            {
                // The value over the border is compared as a whole; its first bytes were counted before.
                part = part with { Range = part.Range with { Start = _end - back } };
                chunk.CountFrom = _end;
            }

            ulong end = Math.Min(part.Range.End, part.Range.Start + (ulong)chunk.Free);
            if (end < part.Range.End)
            {
                end = Math.Max(end - Rest(end), part.Range.Start);
                if (end == part.Range.Start)
                {
                    break;
                }
            }

            chunk.Add(part with { Range = part.Range with { End = end } });
            _end = end;
            _pending = end < part.Range.End ? part with { Range = part.Range with { Start = end } }
                : _source.MoveNext() ? _source.Current
                : null;
        }

        _tally.Pass(_end);
        return !chunk.IsEmpty;
    }

    /// <summary>Bytes of a value before an address that is within it.</summary>
    private ulong Rest(ulong address) => _stride > 1 && address > _base ? (address - _base) % _stride : 0;

    private IEnumerable<ComparedPart> Parts(IEnumerable<MapPair> pairs)
    {
        foreach (MapPair pair in pairs)
        {
            if (pair is not { Previous: ProcMap old, Current: ProcMap now } || now.Kind == ProcMapKind.Vsyscall)
            {
                _tally.AddUnmapped(pair);
                continue;
            }

            using IEnumerator<MemoryExtent> left = Clipped(_before.Of(old, pair.Range.Pages), pair.Range).GetEnumerator();
            using IEnumerator<MemoryExtent> right = Clipped(_after.Of(now, pair.Range.Pages), pair.Range).GetEnumerator();
            bool hasBoth = left.MoveNext() & right.MoveNext();
            for (ulong at = pair.Range.Start; hasBoth;)
            {
                MemoryExtent before = left.Current, after = right.Current;
                ulong end = Math.Min(before.Range.End, after.Range.End);
                AddressRange range = new(at, end);
                if (before.Kind == MemoryExtentKind.Missing || after.Kind == MemoryExtentKind.Missing)
                {
                    _tally.AddGap(new ComparisonGap(at, end - at,
                        before.Kind == MemoryExtentKind.Missing ? before.Gap : null,
                        after.Kind == MemoryExtentKind.Missing ? after.Gap : null), now);
                }
                else if (before.Kind == MemoryExtentKind.Zero && after.Kind == MemoryExtentKind.Zero)
                {
                    _tally.AddEqual(range.SizeBytes, now);
                }
                else
                {
                    yield return new ComparedPart(range, old, now, before.Kind, after.Kind);
                }

                hasBoth = (before.Range.End > end || left.MoveNext()) & (after.Range.End > end || right.MoveNext());
                at = end;
            }
        }
    }

    /// <summary>Extents consist of whole pages; the ends of a range need not be.</summary>
    private static IEnumerable<MemoryExtent> Clipped(IEnumerable<MemoryExtent> extents, AddressRange range)
    {
        foreach (MemoryExtent extent in extents)
        {
            AddressRange part = extent.Range.Clip(range);
            if (part.SizeBytes > 0)
            {
                yield return extent with { Range = part };
            }
        }
    }
}

/// <summary>Memory of which both targets have bytes, in one mapping of each.</summary>
/// <param name="Range">The addresses.</param>
/// <param name="Previous">The mapping before.</param>
/// <param name="Current">The mapping after.</param>
/// <param name="Before">What the target before has: data or zeros.</param>
/// <param name="After">What the target after has: data or zeros.</param>
internal readonly record struct ComparedPart(
    AddressRange Range, ProcMap Previous, ProcMap Current, MemoryExtentKind Before, MemoryExtentKind After);

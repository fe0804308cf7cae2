namespace MemProc;

/// <summary>A range of addresses in which both lists of mappings have one mapping, or none, throughout.</summary>
/// <param name="Range">The addresses.</param>
/// <param name="Previous">The mapping before; null where nothing was mapped.</param>
/// <param name="Current">The mapping after; null where nothing is mapped.</param>
internal readonly record struct MapPair(AddressRange Range, ProcMap? Previous, ProcMap? Current);

/// <summary>Two lists of mappings side by side.</summary>
internal static class MapPairs
{
    /// <summary>Returns the ranges in which at least one of two lists has a mapping, in address order.</summary>
    /// <param name="previous">The mappings before, in address order.</param>
    /// <param name="current">The mappings after, in address order.</param>
    /// <param name="range">The addresses.</param>
    public static IEnumerable<MapPair> Of(IReadOnlyList<ProcMap> previous, IReadOnlyList<ProcMap> current, AddressRange range)
    {
        int left = 0, right = 0;
        for (ulong at = range.Start; at < range.End;)
        {
            while (left < previous.Count && previous[left].End <= at)
            {
                left++;
            }

            while (right < current.Count && current[right].End <= at)
            {
                right++;
            }

            ProcMap? before = left < previous.Count ? previous[left] : null;
            ProcMap? after = right < current.Count ? current[right] : null;
            ulong start = Math.Max(at, Math.Min(before?.Start ?? ulong.MaxValue, after?.Start ?? ulong.MaxValue));
            if (start >= range.End || (before is null && after is null))
            {
                yield break;
            }

            before = before?.Contains(start) == true ? before : null;
            after = after?.Contains(start) == true ? after : null;
            ulong end = Math.Min(range.End, Math.Min(
                before?.End ?? (left < previous.Count ? previous[left].Start : ulong.MaxValue),
                after?.End ?? (right < current.Count ? current[right].Start : ulong.MaxValue)));
            yield return new MapPair(new AddressRange(start, end), before, after);
            at = end;
        }
    }
}

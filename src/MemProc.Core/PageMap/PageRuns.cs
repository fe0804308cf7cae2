using MemProc.Interop;

namespace MemProc;

/// <summary>Joins consecutive pages into runs.</summary>
internal static class PageRuns
{
    /// <summary>
    /// Joins entries of one mapping that are consecutive in address and equal in state: present in consecutive frames,
    /// in consecutive slots of one swap area, hidden, or empty.
    /// </summary>
    public static IEnumerable<PageMapEntry> Join(IEnumerable<PageMapEntry> entries)
    {
        PageMapEntry? first = null;
        ulong count = 0;
        foreach (PageMapEntry entry in entries)
        {
            if (first is not null && Continues(first, count, entry))
            {
                count++;
                continue;
            }

            if (first is not null)
            {
                yield return first.AsRun(count);
            }

            first = entry;
            count = 1;
        }

        if (first is not null)
        {
            yield return first.AsRun(count);
        }
    }

    private static bool Continues(PageMapEntry first, ulong count, PageMapEntry next) =>
        next.Address == first.Address + count * MachinePage.SizeBytes
        && next.IsOfSameMapping(first)
        && next.PageSizeBytes == first.PageSizeBytes
        && next.NodeStatus == first.NodeStatus
        && IsOfSameFrameState(first.Frame, next.Frame)
        && next.Raw == Expected(new RawPageMapEntry(first.Raw), count).Raw;

    /// <summary>Returns whether two frames have the same attributes, as far as they were read.</summary>
    private static bool IsOfSameFrameState(PageFlags? first, PageFlags? next) =>
        first is null || next is null ? first == next : first.HasStateOf(next);

    /// <summary>Returns the entry that a run has <paramref name="count"/> pages after its first one.</summary>
    private static RawPageMapEntry Expected(RawPageMapEntry first, ulong count)
    {
        if (first.IsSwapped)
        {
            return new(first.Raw + (count << RawPageMapEntry.SwapTypeBits));
        }

        return first.IsPresent && !first.IsPfnHidden ? new(first.Raw + count) : first;
    }
}

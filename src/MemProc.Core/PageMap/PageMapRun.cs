using MemProc.Interop;

namespace MemProc;

/// <summary>Joins neighbouring pages into runs.</summary>
internal static class PageMapRun
{
    /// <summary>
    /// Joins entries that follow each other in address, belong to one mapping and are of equal state: present in
    /// consecutive frames, in consecutive slots of one swap area, hidden, or empty.
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
        && IsOfSameFrameState(first.Frame, next.Frame)
        && next.Raw == Expected(new PageMapWord(first.Raw), count).Raw;

    /// <summary>Frames of a run say the same, as far as they were asked.</summary>
    private static bool IsOfSameFrameState(PageFlags? first, PageFlags? next) =>
        first?.ShownFlags == next?.ShownFlags && first?.MapCount == next?.MapCount
        && first?.CgroupInode == next?.CgroupInode;

    /// <summary>The word that the page <paramref name="count"/> pages behind the first one has in a run.</summary>
    private static PageMapWord Expected(PageMapWord first, ulong count)
    {
        if (first.IsSwapped)
        {
            return new(first.Raw + (count << PageMapWord.SwapTypeBits));
        }

        return first.IsPresent && !first.IsPfnHidden ? new(first.Raw + count) : first;
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>The frames that a search is for. A range takes the same memory whatever its size.</summary>
internal sealed class TargetFrames
{
    private const int FilterBits = 16;
    private const ulong FilterMask = (1 << FilterBits) - 1;

    private readonly HashSet<ulong> _pfns = [];
    private readonly bool[] _filter = new bool[1 << FilterBits];

    /// <summary>The ranges of more than one frame, by first frame, disjoint.</summary>
    private readonly ulong[] _firsts;
    private readonly ulong[] _ends;

    /// <summary>Stores the frame numbers.</summary>
    public TargetFrames(IEnumerable<PfnRange> ranges)
    {
        List<(ulong First, ulong End)> large = [];
        foreach (PfnRange range in ranges)
        {
            if (range.Count == 1)
            {
                _pfns.Add(range.First);
            }
            else
            {
                large.Add((range.First, range.End));
            }

            for (ulong index = 0; index < Math.Min(range.Count, FilterMask + 1); index++)
            {
                _filter[(range.First + index) & FilterMask] = true;
            }
        }

        large.Sort();
        List<ulong> firsts = [], ends = [];
        foreach ((ulong first, ulong end) in large)
        {
            if (ends.Count > 0 && first <= ends[^1])
            {
                ends[^1] = Math.Max(ends[^1], end);
            }
            else
            {
                firsts.Add(first);
                ends.Add(end);
            }
        }

        _firsts = [.. firsts];
        _ends = [.. ends];
    }

    /// <summary>Whether there are none.</summary>
    public bool IsEmpty => _pfns.Count == 0 && _firsts.Length == 0;

    /// <summary>Returns the frames in ascending order; null where they are more than a maximum, or ranges.</summary>
    public ulong[]? Singles(int max) => _firsts.Length == 0 && _pfns.Count <= max ? [.. _pfns.Order()] : null;

    /// <summary>
    /// Returns the index of the next page in one of the frames, or of one whose frame number the kernel hides, which
    /// could be one of them; -1 where there is none. Pages in swap never match.
    /// </summary>
    /// <param name="entries">Pagemap entries.</param>
    /// <param name="from">The first index that counts.</param>
    public int IndexOfNext(ReadOnlySpan<ulong> entries, int from)
    {
        for (int index = from; index < entries.Length; index++)
        {
            RawPageMapEntry page = new(entries[index]);
            // The filter saves nearly every page the look-up; frame number 0 means hidden.
            if (page.IsPresent && (_filter[page.Pfn & FilterMask] || page.IsPfnHidden)
                && (page.IsPfnHidden || _pfns.Contains(page.Pfn) || IsInRange(page.Pfn)))
            {
                return index;
            }
        }

        return -1;
    }

    private bool IsInRange(ulong pfn)
    {
        int index = Array.BinarySearch(_firsts, pfn);
        index = index >= 0 ? index : ~index - 1;
        return index >= 0 && pfn < _ends[index];
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>The frames that a search is for.</summary>
internal sealed class TargetFrames
{
    private const int FilterBits = 16;

    private readonly HashSet<ulong> _pfns;
    private readonly bool[] _filter = new bool[1 << FilterBits];

    /// <summary>Stores the frame numbers.</summary>
    public TargetFrames(IEnumerable<ulong> pfns)
    {
        _pfns = [.. pfns];
        foreach (ulong pfn in _pfns)
        {
            _filter[pfn & ((1 << FilterBits) - 1)] = true;
        }
    }

    /// <summary>Number of frames.</summary>
    public int Count => _pfns.Count;

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
            if (page.IsPresent && (_filter[page.Pfn & ((1 << FilterBits) - 1)] || page.IsPfnHidden)
                && (page.IsPfnHidden || _pfns.Contains(page.Pfn)))
            {
                return index;
            }
        }

        return -1;
    }
}

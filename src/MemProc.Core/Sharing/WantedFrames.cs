using MemProc.Interop;

namespace MemProc;

/// <summary>The frames that a search is for.</summary>
internal sealed class WantedFrames
{
    private const int FilterBits = 16;

    private readonly HashSet<ulong> _pfns;
    private readonly bool[] _filter = new bool[1 << FilterBits];

    /// <summary>Takes the numbers down.</summary>
    public WantedFrames(IEnumerable<ulong> pfns)
    {
        _pfns = [.. pfns];
        foreach (ulong pfn in _pfns)
        {
            _filter[pfn & ((1 << FilterBits) - 1)] = true;
        }
    }

    /// <summary>How many there are.</summary>
    public int Count => _pfns.Count;

    /// <summary>
    /// The place of the next page in one of the frames, or of one whose frame the kernel hides, so that it could be;
    /// -1: there is none. Pages in swap never match.
    /// </summary>
    /// <param name="words">Words of pagemap.</param>
    /// <param name="from">The first place that counts.</param>
    public int Next(ReadOnlySpan<ulong> words, int from)
    {
        for (int index = from; index < words.Length; index++)
        {
            PageMapWord word = new(words[index]);
            // The filter spares nearly every page the look-up; frame 0 stands for a hidden number.
            if (word.IsPresent && (_filter[word.Pfn & ((1 << FilterBits) - 1)] || word.IsPfnHidden)
                && (word.IsPfnHidden || _pfns.Contains(word.Pfn)))
            {
                return index;
            }
        }

        return -1;
    }
}

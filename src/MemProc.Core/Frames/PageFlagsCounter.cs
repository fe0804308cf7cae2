using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>Counts page frames by their flags, without an object for each.</summary>
/// <param name="raw">Count flags of the kernel's internals too, and overloaded ones by what they mean.</param>
/// <param name="filter">Which frames count; null: all.</param>
public sealed class PageFlagsCounter(bool raw, FlagFilter? filter)
{
    private readonly Dictionary<ulong, ulong> _frames = [];
    private readonly Dictionary<ulong, ulong> _swapped = [];

    /// <summary>The counts, most pages first; pages in swap behind those in memory.</summary>
    public IEnumerable<PageFlagsSummary> Summaries =>
        Sorted(_frames, isSwapped: false).Concat(Sorted(_swapped, isSwapped: true));

    /// <summary>Counts one frame.</summary>
    /// <param name="word">Its word of <c>/proc/kpageflags</c>.</param>
    /// <param name="page">The page table's word by which it was reached.</param>
    /// <param name="pages">How many pages reached it so.</param>
    public void Add(KernelPageWord word, PageMapWord page = default, ulong pages = 1) =>
        Add(_frames, raw ? word.Expand(page) : word.WellKnown, pages);

    /// <summary>Counts a page in swap: it has no frame, and flags only of the page table.</summary>
    public void AddSwapped(PageMapWord page) =>
        Add(_swapped, raw ? default(KernelPageWord).Expand(page) : default, 1);

    /// <summary>Counts what another counter of the same kind has counted.</summary>
    public void Add(PageFlagsCounter other)
    {
        foreach ((ulong flags, ulong count) in other._frames)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_frames, flags, out _) += count;
        }

        foreach ((ulong flags, ulong count) in other._swapped)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_swapped, flags, out _) += count;
        }
    }

    /// <summary>Counts frames in the order of their numbers; neighbours that are equal are counted together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Add(ReadOnlySpan<ulong> words, PageMapWord page = default)
    {
        for (int index = 0; index < words.Length;)
        {
            ReadOnlySpan<ulong> rest = words[index..];
            int equal = rest.IndexOfAnyExcept(rest[0]);
            equal = equal < 0 ? rest.Length : equal;
            Add(new KernelPageWord(rest[0]), page, (ulong)equal);
            index += equal;
        }
    }

    private void Add(Dictionary<ulong, ulong> counts, KernelPageWord shown, ulong count)
    {
        if (filter is null || filter.Matches(shown.Raw))
        {
            CollectionsMarshal.GetValueRefOrAddDefault(counts, shown.Raw, out _) += count;
        }
    }

    private static IEnumerable<PageFlagsSummary> Sorted(Dictionary<ulong, ulong> counts, bool isSwapped) =>
        from count in counts
        orderby count.Value descending, count.Key
        select new PageFlagsSummary(count.Key, isSwapped, count.Value);
}

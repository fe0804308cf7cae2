using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>Counts page frames by their flags, without an object for each.</summary>
/// <param name="raw">Whether flags internal to the kernel count too, and overloaded ones by their meaning.</param>
/// <param name="filter">Selects the frames that count; null: all.</param>
public sealed class FlagTally(bool raw, FlagFilter? filter)
{
    private readonly Dictionary<ulong, ulong> _frames = [];
    private readonly Dictionary<ulong, ulong> _swapped = [];

    /// <summary>The counts, most pages first; pages in swap after those in memory.</summary>
    public IEnumerable<PageFlagsSummary> Summaries =>
        Sorted(_frames, isSwapped: false).Concat(Sorted(_swapped, isSwapped: true));

    /// <summary>Counts one frame.</summary>
    /// <param name="flagSet">Its flags as <c>/proc/kpageflags</c> has them.</param>
    /// <param name="page">The pagemap entry by which it was reached.</param>
    /// <param name="pages">Number of pages that reached it by such an entry.</param>
    public void Add(KernelPageFlagSet flagSet, RawPageMapEntry page = default, ulong pages = 1) =>
        Add(_frames, raw ? flagSet.Expand(page) : flagSet.WellKnown, pages);

    /// <summary>Counts a page in swap: it has no frame, and only flags of the page table.</summary>
    public void AddSwapped(RawPageMapEntry page) =>
        Add(_swapped, raw ? default(KernelPageFlagSet).Expand(page) : default, 1);

    /// <summary>Adds the counts of another instance with the same parameters.</summary>
    public void Add(FlagTally other)
    {
        foreach ((ulong shown, ulong count) in other._frames)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_frames, shown, out _) += count;
        }

        foreach ((ulong shown, ulong count) in other._swapped)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_swapped, shown, out _) += count;
        }
    }

    /// <summary>Counts frames in the order of their numbers; equal neighbors are counted together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Add(ReadOnlySpan<ulong> flags, RawPageMapEntry page = default)
    {
        for (int index = 0; index < flags.Length;)
        {
            ReadOnlySpan<ulong> rest = flags[index..];
            int equal = rest.IndexOfAnyExcept(rest[0]);
            equal = equal < 0 ? rest.Length : equal;
            Add(new KernelPageFlagSet(rest[0]), page, (ulong)equal);
            index += equal;
        }
    }

    private void Add(Dictionary<ulong, ulong> counts, KernelPageFlagSet shown, ulong count)
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

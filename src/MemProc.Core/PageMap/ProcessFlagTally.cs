using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Counts the frames of a process' pages by their flags. All frames are collected before the first is looked up: the
/// pages of a process are scattered in memory, but all of them together leave few gaps, and a system call costs as much
/// as the table entries of several frames. Loops over frames are compiled with full optimization at once: a user counts
/// only once.
/// </summary>
/// <param name="tables">The frame tables.</param>
/// <param name="raw">Whether flags internal to the kernel and of the page table count too.</param>
/// <param name="filter">Selects the pages that count.</param>
internal sealed class ProcessFlagTally(FrameTables tables, bool raw, PageFilter filter)
{
    /// <summary>Blocks of frames that are not worth another thread.</summary>
    private const int SmallBlocks = 4;

    private readonly FlagTally _counts = new(raw, filter.Frame.Flags);

    /// <summary>The frames by the state of the pages that count with them.</summary>
    private readonly Dictionary<RawPageMapEntry, FrameSet> _frames = [];

    /// <summary>Number of further pages in a frame that another page is in too: the zero page, merged pages.</summary>
    private readonly Dictionary<(RawPageMapEntry Page, ulong Pfn), ulong> _repeated = [];

    private RawPageMapEntry _lastPage;
    private FrameSet? _lastFrames;

    /// <summary>Collects the frames of present pages, and counts pages in swap.</summary>
    /// <exception cref="MemProcException">EPERM where the kernel hides the frame numbers.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Collect(PageMapRange pages)
    {
        foreach (ulong entry in pages.Entries.Span)
        {
            RawPageMapEntry page = new(entry);
            if (!filter.Matches(entry, pages.IsHuge))
            {
                continue;
            }

            if (page.IsPfnHidden)
            {
                throw PageMapReader.FramesHidden();
            }

            if (page.IsPresent)
            {
                Add(page);
            }
            else if (page.IsSwapped && filter.Frame.CgroupInode is null)
            {
                _counts.AddSwapped(page);
            }
        }
    }

    /// <summary>Takes over what another instance has collected, which is not used afterwards.</summary>
    public void Add(ProcessFlagTally other)
    {
        _counts.Add(other._counts);
        foreach ((RawPageMapEntry state, FrameSet frames) in other._frames)
        {
            Frames(state).Add(frames, pfn => Repeated(state, pfn) += 1);
        }

        foreach (((RawPageMapEntry state, ulong pfn), ulong pages) in other._repeated)
        {
            Repeated(state, pfn) += pages;
        }
    }

    /// <summary>Looks up the frames, on all processors.</summary>
    /// <returns>The counts.</returns>
    /// <exception cref="MemProcException">ReadPageFlags failed.</exception>
    public FlagTally Count(CancellationToken cancellation)
    {
        foreach ((RawPageMapEntry state, FrameSet frames) in _frames)
        {
            ParallelForEach<ulong, FlagTally> blocks = new(
                frames.Blocks, _ => new FlagTally(raw, filter.Frame.Flags), cancellation)
            {
                Workers = frames.BlockCount <= SmallBlocks ? 1 : Environment.ProcessorCount,
            };
            blocks.Run((block, counts) => Count(frames, block, state, counts), _counts.Add);
            CountRepeated(state);
        }

        return _counts;
    }

    private void Count(FrameSet frames, ulong block, RawPageMapEntry state, FlagTally counts)
    {
        // Shared: one call can be about a few pages only, and there can be many calls.
        ulong[] pfns = ArrayPool<ulong>.Shared.Rent(FrameSet.BlockFrames);
        ulong[] flags = ArrayPool<ulong>.Shared.Rent(FrameSet.BlockFrames);
        int count = frames.CopyBlock(block, pfns);
        counts.Add(flags.AsSpan(0, Read(pfns.AsSpan(0, count), flags)), state);
        ArrayPool<ulong>.Shared.Return(pfns);
        ArrayPool<ulong>.Shared.Return(flags);
    }

    /// <summary>Counts the further pages of frames that were counted once.</summary>
    private void CountRepeated(RawPageMapEntry state)
    {
        ulong[] pfns = [.. _repeated.Keys.Where(key => key.Page == state).Select(key => key.Pfn).Order()];
        ulong[] flags = new ulong[pfns.Length];
        int known = Read(pfns, flags);
        for (int index = 0; index < known; index++)
        {
            _counts.Add(new KernelPageFlagSet(flags[index]), state, _repeated[(state, pfns[index])]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Add(RawPageMapEntry page)
    {
        RawPageMapEntry state = raw ? page.WithoutFrame() : default;
        if (_lastFrames is null || state != _lastPage)
        {
            _lastPage = state;
            _lastFrames = Frames(state);
        }

        if (!_lastFrames.Add(page.Pfn))
        {
            Repeated(state, page.Pfn)++;
        }
    }

    private FrameSet Frames(RawPageMapEntry state) =>
        CollectionsMarshal.GetValueRefOrAddDefault(_frames, state, out _) ??= new FrameSet();

    private ref ulong Repeated(RawPageMapEntry state, ulong pfn) =>
        ref CollectionsMarshal.GetValueRefOrAddDefault(_repeated, (state, pfn), out _);

    /// <summary>Reads the flags of frames in ascending order, and moves those that count to the front.</summary>
    /// <returns>The number of frames that count. Device memory has frames after the end of the table.</returns>
    private int Read(Span<ulong> pfns, Span<ulong> flags)
    {
        pfns = pfns[..tables.KeepKnown(pfns)];
        int known = tables.ReadFlags(pfns, flags);
        if (filter.Frame.CgroupInode is not ulong cgroup)
        {
            return known;
        }

        ulong[] cgroups = tables.ReadCgroups(pfns[..known]) ?? [];
        int count = 0;
        for (int index = 0; index < cgroups.Length; index++)
        {
            if (cgroups[index] == cgroup)
            {
                pfns[count] = pfns[index];
                flags[count++] = flags[index];
            }
        }

        return count;
    }
}

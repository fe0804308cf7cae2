using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Counts the frames behind pages of a process by their flags. All frames are collected before one is looked up: the
/// pages of a process lie about in memory, but between them all there are few gaps, and a system call costs as much as
/// the words of some frames. Loops over frames are compiled well at once: a person counts once.
/// </summary>
/// <param name="tables">The frame tables.</param>
/// <param name="raw">Count flags of the kernel's internals too, and what the page table says.</param>
/// <param name="filter">Which pages count.</param>
internal sealed class PageFrameCount(FrameTables tables, bool raw, PageFilter filter)
{
    private readonly PageFlagsCounter _counts = new(raw, filter.Frame.Flags);

    /// <summary>The frames by the word of the page table that counts with them.</summary>
    private readonly Dictionary<PageMapWord, FrameSet> _frames = [];

    /// <summary>How many more pages have a frame that one has already: the page of zeros, merged pages.</summary>
    private readonly Dictionary<(PageMapWord Page, ulong Pfn), ulong> _again = [];

    private PageMapWord _lastPage;
    private FrameSet? _lastFrames;

    /// <summary>Takes the frames of present pages down, and counts pages in swap.</summary>
    /// <exception cref="MemProcException">EPERM where the kernel hides the frame numbers.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Collect(PageMapStretch stretch)
    {
        foreach (ulong page in stretch.Words.Span)
        {
            PageMapWord word = new(page);
            if (!filter.Matches(page, stretch.IsHuge))
            {
                continue;
            }

            if (word.IsPfnHidden)
            {
                throw PageMapReader.Hidden();
            }

            if (word.IsPresent)
            {
                Add(word);
            }
            else if (word.IsSwapped && filter.Frame.CgroupInode is null)
            {
                _counts.AddSwapped(word);
            }
        }
    }

    /// <summary>Takes over what another one has collected; it is not used afterwards.</summary>
    public void Add(PageFrameCount other)
    {
        _counts.Add(other._counts);
        foreach ((PageMapWord page, FrameSet frames) in other._frames)
        {
            Frames(page).Add(frames, pfn => Again(page, pfn) += 1);
        }

        foreach (((PageMapWord page, ulong pfn), ulong pages) in other._again)
        {
            Again(page, pfn) += pages;
        }
    }

    /// <summary>Looks the frames up, on all processors.</summary>
    /// <returns>The counts.</returns>
    /// <exception cref="MemProcException">ReadPageFlags failed.</exception>
    public PageFlagsCounter Count(CancellationToken cancellation)
    {
        ParallelOptions options = new() { CancellationToken = cancellation };
        foreach ((PageMapWord page, FrameSet frames) in _frames)
        {
            Parallel.ForEach(Partitioner.Create(frames.Blocks, EnumerablePartitionerOptions.NoBuffering), options,
                () => new Worker(tables, filter.Frame.CgroupInode, new PageFlagsCounter(raw, filter.Frame.Flags)),
                (block, _, worker) =>
                {
                    worker.Count(frames, block, page);
                    return worker;
                },
                worker =>
                {
                    lock (_counts)
                    {
                        _counts.Add(worker.Counts);
                    }
                });
            CountAgain(page);
        }

        return _counts;
    }

    /// <summary>Counts the further pages of frames that were counted once.</summary>
    private void CountAgain(PageMapWord page)
    {
        ulong[] pfns = [.. _again.Keys.Where(key => key.Page == page).Select(key => key.Pfn).Order()];
        ulong[] words = new ulong[pfns.Length];
        int known = Read(tables, filter.Frame.CgroupInode, pfns, words);
        for (int index = 0; index < known; index++)
        {
            _counts.Add(new KernelPageWord(words[index]), page, _again[(page, pfns[index])]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Add(PageMapWord word)
    {
        PageMapWord page = raw ? word.WithoutFrame() : default;
        if (_lastFrames is null || page != _lastPage)
        {
            _lastPage = page;
            _lastFrames = Frames(page);
        }

        if (!_lastFrames.Add(word.Pfn))
        {
            Again(page, word.Pfn)++;
        }
    }

    private FrameSet Frames(PageMapWord page) =>
        CollectionsMarshal.GetValueRefOrAddDefault(_frames, page, out _) ??= new FrameSet();

    private ref ulong Again(PageMapWord page, ulong pfn) =>
        ref CollectionsMarshal.GetValueRefOrAddDefault(_again, (page, pfn), out _);

    /// <summary>Reads the flags of frames in rising order, and moves those that count to the front.</summary>
    /// <returns>How many count: memory of a device has frames beyond the table's end.</returns>
    private static int Read(FrameTables tables, ulong? cgroup, Span<ulong> pfns, Span<ulong> words)
    {
        int known = tables.ReadFlags(pfns, words);
        if (cgroup is null)
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
                words[count++] = words[index];
            }
        }

        return count;
    }

    /// <summary>What one thread counts with.</summary>
    private sealed class Worker(FrameTables tables, ulong? cgroup, PageFlagsCounter counts)
    {
        public PageFlagsCounter Counts { get; } = counts;

        public void Count(FrameSet frames, ulong block, PageMapWord page)
        {
            // Shared: one call can be about a few pages only, and there can be many calls.
            ulong[] pfns = ArrayPool<ulong>.Shared.Rent(FrameSet.BlockFrames);
            ulong[] words = ArrayPool<ulong>.Shared.Rent(FrameSet.BlockFrames);
            int count = frames.CopyBlock(block, pfns);
            Counts.Add(words.AsSpan(0, Read(tables, cgroup, pfns.AsSpan(0, count), words)), page);
            ArrayPool<ulong>.Shared.Return(pfns);
            ArrayPool<ulong>.Shared.Return(words);
        }
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Counts the frames behind pages of a process by their flags: what one thread does of it. What is read at once makes
/// the speed: a system call costs as much as the words of three frames.
/// </summary>
/// <param name="tables">The frame tables.</param>
/// <param name="raw">Count flags of the kernel's internals too.</param>
/// <param name="filter">Which pages count.</param>
internal sealed class PageFrameCount(FrameTables tables, bool raw, PageFilter filter)
{
    /// <summary>Words of unwanted frames that are read rather than left out by another system call.</summary>
    private const ulong BridgedFrames = 4;

    private readonly ulong[] _words = GC.AllocateUninitializedArray<ulong>(PageMapBatches.BatchPages);
    private readonly ulong[]? _cgroups = filter.CgroupInode is null ? null : new ulong[PageMapBatches.BatchPages];

    // Runs: neighbouring pages in consecutive frames. The number of the first frame, and which pages.
    private readonly ulong[] _firsts = GC.AllocateUninitializedArray<ulong>(PageMapBatches.BatchPages);
    private readonly (int Place, int Count)[] _pages =
        GC.AllocateUninitializedArray<(int Place, int Count)>(PageMapBatches.BatchPages);

    private PageFlagsCounter _counts = new(raw, filter.Flags);

    /// <summary>What has been counted; counting begins anew.</summary>
    public PageFlagsCounter TakeCounts()
    {
        PageFlagsCounter counts = _counts;
        _counts = new PageFlagsCounter(raw, filter.Flags);
        return counts;
    }

    /// <summary>Counts the pages of a batch; its words are moved about.</summary>
    /// <exception cref="MemProcException">
    /// ReadPageFlags failed; EPERM where the kernel hides the frame numbers.
    /// </exception>
    public void Add(PageMapBatch batch)
    {
        Span<ulong> pages = batch.Words.AsSpan(0, TakePresent(batch));
        int runs = FindRuns(pages);
        // The pages of a process lie about in memory, but between them all there are few gaps.
        Array.Sort(_firsts, _pages, 0, runs);
        for (int run = 0; run < runs;)
        {
            int from = run;
            ulong end = End(run++);
            while (run < runs && _firsts[run] <= end + BridgedFrames
                && Math.Max(end, End(run)) - _firsts[from] <= (ulong)_words.Length)
            {
                end = Math.Max(end, End(run++));
            }

            Count(from, run, (int)(end - _firsts[from]), pages);
        }
    }

    /// <summary>Moves the words of present pages to the front, and counts those of pages in swap.</summary>
    private int TakePresent(PageMapBatch batch)
    {
        int count = 0;
        for (int index = 0; index < batch.Count; index++)
        {
            PageMapWord word = new(batch.Words[index]);
            if (!filter.Matches(word.Raw, batch.IsHuge))
            {
                continue;
            }

            if (word.IsPfnHidden)
            {
                throw PfnSearch.Hidden();
            }

            if (word.IsPresent)
            {
                batch.Words[count++] = word.Raw;
            }
            else if (word.IsSwapped && filter.CgroupInode is null)
            {
                _counts.AddSwapped(word);
            }
        }

        return count;
    }

    private int FindRuns(ReadOnlySpan<ulong> pages)
    {
        int runs = 0;
        for (int place = 0; place < pages.Length;)
        {
            ulong first = new PageMapWord(pages[place]).Pfn;
            int count = 1;
            while (place + count < pages.Length && new PageMapWord(pages[place + count]).Pfn == first + (ulong)count)
            {
                count++;
            }

            _firsts[runs] = first;
            _pages[runs++] = (place, count);
            place += count;
        }

        return runs;
    }

    /// <summary>The number behind the last frame of a run.</summary>
    private ulong End(int run) => _firsts[run] + (ulong)_pages[run].Count;

    /// <summary>Reads a span of frames and counts those of the runs in it.</summary>
    private void Count(int from, int to, int span, ReadOnlySpan<ulong> pages)
    {
        int known = tables.ReadFlags(_firsts[from], _words.AsSpan(0, span));
        if (_cgroups is not null)
        {
            known = tables.ReadCgroups(_firsts[from], _cgroups.AsSpan(0, known));
        }

        for (int run = from; run < to; run++)
        {
            int place = (int)(_firsts[run] - _firsts[from]);
            // Memory of a device has frames beyond the table's end.
            int count = Math.Clamp(known - place, 0, _pages[run].Count);
            if (raw || _cgroups is not null)
            {
                CountEach(place, pages.Slice(_pages[run].Place, count));
            }
            else
            {
                _counts.Add(_words.AsSpan(place, count));
            }
        }
    }

    private void CountEach(int place, ReadOnlySpan<ulong> pages)
    {
        for (int index = 0; index < pages.Length; index++)
        {
            if (_cgroups is null || _cgroups[place + index] == filter.CgroupInode)
            {
                _counts.Add(new KernelPageWord(_words[place + index]), new PageMapWord(pages[index]));
            }
        }
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>The pagemap entries that a core of MemProc has. Pages without one were not populated.</summary>
/// <param name="info">The head of the page information.</param>
/// <param name="blocks">The notes with entries.</param>
internal sealed class CorePages(CorePageInfo info, CoreBlocks<CorePageRun> blocks) : TargetPages
{
    /// <inheritdoc/>
    public override ulong? UnknownBits => info.UnknownBits;

    /// <inheritdoc/>
    public override bool ReportsHuge => info.Fields.HasFlag(CorePageFields.Huge);

    /// <inheritdoc/>
    public override ulong? HugePageBytes => info.HugePageBytes;

    /// <inheritdoc/>
    public override Errno TryRead(ulong address, Span<ulong> entries, out int read)
    {
        ulong first = address / MachinePage.SizeBytes, page = first, end = first + (ulong)entries.Length;
        for (int index = blocks.IndexAfter(page); index < blocks.Count && page < end; index++)
        {
            (ulong start, ulong covered) = blocks.RangeOf(index);
            if (start > page)
            {
                break;
            }

            ulong until = Math.Min(covered, end);
            entries.Slice((int)(page - first), (int)(until - page)).Clear();
            CorePageRun[] runs = blocks.RunsOf(index);
            for (int run = FirstAfter(runs, page); run < runs.Length && runs[run].Page < until; run++)
            {
                ulong last = Math.Min(runs[run].End, until);
                for (ulong at = Math.Max(runs[run].Page, page); at < last; at++)
                {
                    entries[(int)(at - first)] = runs[run].EntryOf(at);
                }
            }

            page = until;
        }

        read = (int)(page - first);
        return read > 0 || entries.IsEmpty ? Errno.None : Errno.ENODATA;
    }

    /// <inheritdoc/>
    public override Errno TryFindPopulated(
        ulong start, ulong end, Span<PageRegion> regions, out int count, out ulong walkEnd, ulong maxPages)
    {
        ulong page = start / MachinePage.SizeBytes, limit = end / MachinePage.SizeBytes;
        ulong pages = maxPages == 0 ? ulong.MaxValue : maxPages;
        count = 0;
        for (int index = blocks.IndexAfter(page); page < limit; index++)
        {
            // What is not covered was cut off.
            if (index == blocks.Count || blocks.RangeOf(index).First > page)
            {
                walkEnd = page * MachinePage.SizeBytes;
                return walkEnd > start ? Errno.None : Errno.ENODATA;
            }

            CorePageRun[] runs = blocks.RunsOf(index);
            for (int run = FirstAfter(runs, page); run < runs.Length && runs[run].Page < limit; run++)
            {
                ulong first = Math.Max(runs[run].Page, page);
                ulong last = Math.Min(Math.Min(runs[run].End, limit), first + Math.Min(pages, ulong.MaxValue - first));
                if (!TryAdd(regions, ref count, first, last, runs[run].IsHuge))
                {
                    walkEnd = first * MachinePage.SizeBytes;
                    return Errno.None;
                }

                page = last;
                pages -= last - first;
                if (pages == 0)
                {
                    walkEnd = page * MachinePage.SizeBytes;
                    return Errno.None;
                }
            }

            page = Math.Min(blocks.RangeOf(index).End, limit);
        }

        walkEnd = end;
        return Errno.None;
    }

    /// <summary>Adds a region, or extends the last one. False where there is no room.</summary>
    private static bool TryAdd(Span<PageRegion> regions, ref int count, ulong first, ulong last, bool isHuge)
    {
        ulong start = first * MachinePage.SizeBytes, end = last * MachinePage.SizeBytes;
        PageCategories categories = isHuge ? PageCategories.Huge : PageCategories.None;
        if (count > 0 && regions[count - 1].End == start && regions[count - 1].Categories == categories)
        {
            regions[count - 1].End = end;
            return true;
        }

        if (count == regions.Length)
        {
            return false;
        }

        regions[count++] = new PageRegion { Start = start, End = end, Categories = categories };
        return true;
    }

    /// <summary>Returns the index of the first run that ends after a page.</summary>
    private static int FirstAfter(CorePageRun[] runs, ulong page)
    {
        int low = 0;
        for (int high = runs.Length; low < high;)
        {
            int middle = (low + high) / 2;
            (low, high) = runs[middle].End > page ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}

/// <summary>The frames that a core of MemProc has: those of the pages of its process.</summary>
/// <param name="info">The head of the page information.</param>
/// <param name="blocks">The notes with frames.</param>
/// <param name="cgroups">The paths of cgroups by their inodes.</param>
internal sealed class CoreFrames(
    CorePageInfo info, CoreBlocks<SavedFrameRun> blocks, Lazy<IReadOnlyDictionary<ulong, string>> cgroups) : SavedFrames
{
    /// <inheritdoc/>
    public override bool HasMapCounts => info.Fields.HasFlag(CorePageFields.MapCounts);

    /// <inheritdoc/>
    public override bool HasCgroups => info.Fields.HasFlag(CorePageFields.Cgroups);

    /// <inheritdoc/>
    public override IEnumerable<SavedFrameRun> Between(ulong first, ulong end)
    {
        end = Math.Min(end, CorePageFormat.EndOfFrames);
        for (int index = blocks.IndexAfter(first); index < blocks.Count && blocks.RangeOf(index).First < end; index++)
        {
            SavedFrameRun[] runs = blocks.RunsOf(index);
            for (int run = FirstAfter(runs, first); run < runs.Length && runs[run].First < end; run++)
            {
                ulong from = Math.Max(runs[run].First, first);
                yield return runs[run] with { First = from, Count = Math.Min(runs[run].End, end) - from };
            }
        }

        if (blocks.End < end)
        {
            throw CutOff(Math.Max(first, blocks.End));
        }
    }

    /// <inheritdoc/>
    public override bool TryFind(ulong pfn, out SavedFrameRun run)
    {
        run = default;
        if (pfn >= CorePageFormat.EndOfFrames)
        {
            return false;
        }

        int index = blocks.IndexAfter(pfn);
        if (index == blocks.Count || blocks.RangeOf(index).First > pfn)
        {
            throw CutOff(pfn);
        }

        SavedFrameRun[] runs = blocks.RunsOf(index);
        int found = FirstAfter(runs, pfn);
        if (found == runs.Length || runs[found].First > pfn)
        {
            return false;
        }

        run = runs[found];
        return true;
    }

    /// <inheritdoc/>
    public override string? CgroupPathOf(ulong inode) => cgroups.Value.GetValueOrDefault(inode);

    /// <inheritdoc/>
    public override ulong? CgroupInodeOf(string path) =>
        cgroups.Value.FirstOrDefault(cgroup => cgroup.Value == path) is { Key: > 0 } found ? found.Key : null;

    private static MemProcException CutOff(ulong pfn) => new(Operation.ReadPageFlags, Errno.ENODATA,
        $"The core was cut off, or is damaged: it does not have its frames from 0x{pfn:x} on.", pfn);

    private static int FirstAfter(SavedFrameRun[] runs, ulong pfn)
    {
        int low = 0;
        for (int high = runs.Length; low < high;)
        {
            int middle = (low + high) / 2;
            (low, high) = runs[middle].End > pfn ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}

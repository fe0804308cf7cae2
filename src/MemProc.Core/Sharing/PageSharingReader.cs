using MemProc.Interop;

namespace MemProc;

/// <summary>Finds the processes that share pages with a process, by the frames themselves.</summary>
/// <param name="index">
/// The pages of all processes that count, including the process itself; or those that it may share
/// (<see cref="PfnIndex.BuildShared"/>).
/// </param>
/// <param name="files">Where the map counts are; the usual place when left out.</param>
/// <param name="cancellation">Stops the work.</param>
public sealed class PageSharingReader(PfnIndex index, KernelFiles? files = null, CancellationToken cancellation = default)
{
    /// <summary>Returns the sharing of each mapping that has pages in memory, in address order.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">ReadMaps or ReadPageMap failed.</exception>
    public IEnumerable<PageSharing> Read(LinuxProcess process)
    {
        using FrameTables? counts = OpenMapCounts();
        PopulatedPages walk = new(process, cancellation);
        foreach ((ProcMap map, IEnumerable<PageMapRange> ranges) in walk.ByMap(
            walk.Maps(AddressRange.All), AddressRange.All))
        {
            if (Read(map, ranges, counts) is PageSharing sharing)
            {
                yield return sharing;
            }
        }
    }

    private FrameTables? OpenMapCounts()
    {
        try
        {
            return new FrameTables(FrameAttributes.MapCount, files);
        }
        catch (MemProcException)
        {
            // A container can mask the tables. The mappings that were found are known all the same.
            return null;
        }
    }

    private PageSharing? Read(ProcMap map, IEnumerable<PageMapRange> ranges, FrameTables? counts)
    {
        // The zero page can back a million addresses: equal frames are looked up once.
        Dictionary<ulong, Frame> frames = [];
        ulong present = 0;
        foreach (PageMapRange pages in ranges)
        {
            foreach (ulong entry in pages.Entries.Span)
            {
                RawPageMapEntry page = new(entry);
                if (page.Pfn != 0)
                {
                    Frame known = frames.GetValueOrDefault(page.Pfn);
                    frames[page.Pfn] = new Frame(known.Pages + 1, known.IsExclusive || page.IsExclusive);
                    present++;
                }
            }
        }

        return present == 0 ? null : Sum(map, frames, present, counts);
    }

    private PageSharing Sum(ProcMap map, Dictionary<ulong, Frame> frames, ulong present, FrameTables? counts)
    {
        ulong[] pfns = [.. frames.Keys];
        Array.Sort(pfns);
        ulong[] mapCounts = new ulong[pfns.Length];
        counts?.ReadMapCounts(pfns, mapCounts);
        Dictionary<ProcessIdentity, ulong> sharers = [];
        ulong privatePages = 0;
        ulong unseenPages = 0;
        double pssPages = 0;
        for (int at = 0; at < pfns.Length; at++)
        {
            cancellation.ThrowIfCancellationRequested();
            Frame frame = frames[pfns[at]];
            (int found, bool isPrivate) = AddSharers(sharers, map, pfns[at], frame.Pages);
            // A page that was mapped after the index was built is not in the index.
            ulong mappings = Math.Max((ulong)found, frame.Pages);
            // Kernels with CONFIG_NO_PAGE_MAPCOUNT report the average of a large folio. Exclusive means the process itself.
            bool isUnseen = mapCounts[at] > mappings && !frame.IsExclusive;
            privatePages += isPrivate && !isUnseen ? frame.Pages : 0;
            unseenPages += isUnseen ? frame.Pages : 0;
            pssPages += (double)frame.Pages / (isUnseen ? mapCounts[at] : (ulong)Math.Max(found, 1));
        }

        return new PageSharing(map, present, privatePages, counts is null ? null : unseenPages, pssPages,
            [.. sharers.OrderByDescending(sharer => sharer.Value).ThenBy(sharer => sharer.Key.ProcessId)
                .Select(sharer => new PageSharer(sharer.Key.ProcessId, sharer.Key.Name, sharer.Value))]);
    }

    /// <summary>
    /// Adds the pages of a frame to each other process that maps it. Returns how often processes map the frame, and
    /// whether no other process does.
    /// </summary>
    private (int Mappings, bool IsPrivate) AddSharers(
        Dictionary<ProcessIdentity, ulong> sharers, ProcMap map, ulong pfn, ulong pages)
    {
        ulong[] entries = index.Find(pfn, out int first, out int end);
        bool isPrivate = true;
        ProcessIdentity? previous = null;
        for (int at = first; at < end; at++)
        {
            ProcessIdentity owner = index.ProcessOf(entries[at]);
            if (owner.ProcessId == map.ProcessId || ReferenceEquals(owner, previous))
            {
                continue;
            }

            previous = owner;
            isPrivate = false;
            sharers[owner] = sharers.GetValueOrDefault(owner) + pages;
        }

        return (end - first, isPrivate);
    }

    /// <summary>A frame that a mapping has in memory.</summary>
    /// <param name="Pages">Number of pages that it backs in the mapping.</param>
    /// <param name="IsExclusive">The kernel reports that no other process maps it.</param>
    private readonly record struct Frame(ulong Pages, bool IsExclusive);
}

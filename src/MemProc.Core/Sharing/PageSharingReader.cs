using MemProc.Interop;

namespace MemProc;

/// <summary>Finds the processes that share pages with a process, by the frames themselves.</summary>
/// <param name="index">The pages of all processes that count, including the process itself.</param>
/// <param name="cancellation">Stops the work.</param>
public sealed class PageSharingReader(PfnIndex index, CancellationToken cancellation = default)
{
    /// <summary>Returns the sharing of each mapping that has pages in memory, in address order.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">ReadMaps or ReadPageMap failed.</exception>
    public IEnumerable<PageSharing> Read(LinuxProcess process)
    {
        PopulatedPages walk = new(process, cancellation);
        foreach ((ProcMap map, IEnumerable<PageMapRange> ranges) in walk.ByMap(
            walk.Maps(AddressRange.All), AddressRange.All))
        {
            if (Read(map, ranges) is PageSharing sharing)
            {
                yield return sharing;
            }
        }
    }

    private PageSharing? Read(ProcMap map, IEnumerable<PageMapRange> ranges)
    {
        // The zero page can back a million addresses: equal frames are looked up once.
        Dictionary<ulong, ulong> frames = [];
        ulong present = 0;
        foreach (PageMapRange pages in ranges)
        {
            foreach (ulong entry in pages.Entries.Span)
            {
                ulong pfn = new RawPageMapEntry(entry).Pfn;
                if (pfn != 0)
                {
                    frames[pfn] = frames.GetValueOrDefault(pfn) + 1;
                    present++;
                }
            }
        }

        return present == 0 ? null : Sum(map, frames, present);
    }

    private PageSharing Sum(ProcMap map, Dictionary<ulong, ulong> frames, ulong present)
    {
        Dictionary<ProcessIdentity, ulong> sharers = [];
        ulong privatePages = 0;
        double pssPages = 0;
        foreach ((ulong pfn, ulong pages) in frames)
        {
            cancellation.ThrowIfCancellationRequested();
            (int first, int end) = index.Find(pfn);
            bool isPrivate = true;
            ProcessIdentity? previous = null;
            for (int at = first; at < end; at++)
            {
                ProcessIdentity owner = index.ProcessAt(at);
                if (owner.ProcessId == map.ProcessId || ReferenceEquals(owner, previous))
                {
                    continue;
                }

                previous = owner;
                isPrivate = false;
                sharers[owner] = sharers.GetValueOrDefault(owner) + pages;
            }

            privatePages += isPrivate ? pages : 0;
            // A page that was mapped after the index was built counts as private.
            pssPages += (double)pages / Math.Max(end - first, 1);
        }

        return new PageSharing(map, present, privatePages, pssPages,
            [.. sharers.OrderByDescending(sharer => sharer.Value).ThenBy(sharer => sharer.Key.ProcessId)
                .Select(sharer => new PageSharer(sharer.Key.ProcessId, sharer.Key.Name, sharer.Value))]);
    }
}

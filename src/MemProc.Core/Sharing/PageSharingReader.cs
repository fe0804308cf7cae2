using MemProc.Interop;

namespace MemProc;

/// <summary>Says with whom a process shares its pages, by the frames themselves.</summary>
/// <param name="index">The pages of all processes that count, the one that is asked about among them.</param>
/// <param name="cancellation">Stops the reading.</param>
public sealed class PageSharingReader(PfnIndex index, CancellationToken cancellation = default)
{
    /// <summary>The sharing of each mapping that has pages in memory, in address order.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">ReadMaps or ReadPageMap failed.</exception>
    public IEnumerable<PageSharing> Read(LinuxProcess process)
    {
        PageMapReader reader = new(process, cancellation);
        foreach (ProcMap map in MapReader.Read(process, cancellation))
        {
            if (map.Kind != ProcMapKind.Vsyscall && Read(reader, map) is PageSharing sharing)
            {
                yield return sharing;
            }
        }

        process.ThrowIfExited(Operation.ReadPageMap);
    }

    private PageSharing? Read(PageMapReader reader, ProcMap map)
    {
        // The zero page can stand behind a million addresses: equal frames are looked up once.
        Dictionary<ulong, ulong> frames = [];
        ulong present = 0;
        foreach (PageMapStretch stretch in reader.ReadPopulated(map.Start, map.End))
        {
            foreach (ulong raw in stretch.Words.Span)
            {
                ulong pfn = new PageMapWord(raw).Pfn;
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
            for (int place = first; place < end; place++)
            {
                ProcessIdentity owner = index.ProcessAt(place);
                if (owner.ProcessId == map.ProcessId || ReferenceEquals(owner, previous))
                {
                    continue;
                }

                previous = owner;
                isPrivate = false;
                sharers[owner] = sharers.GetValueOrDefault(owner) + pages;
            }

            privatePages += isPrivate ? pages : 0;
            // A page that came after the index was built is this process' own as far as anybody can tell.
            pssPages += (double)pages / Math.Max(end - first, 1);
        }

        return new PageSharing(map, present, privatePages, pssPages,
            [.. sharers.OrderByDescending(sharer => sharer.Value).ThenBy(sharer => sharer.Key.ProcessId)
                .Select(sharer => new PageSharer(sharer.Key.ProcessId, sharer.Key.Name, sharer.Value))]);
    }
}

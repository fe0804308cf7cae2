using MemProc.Interop;

namespace MemProc;

/// <summary>Finds the processes that map given frames, in one pass over the pagemaps for any number of frames.</summary>
public sealed class PfnSearch
{
    private readonly TargetFrames _targets;
    private readonly KernelFiles _files;

    /// <summary>Prepares a search.</summary>
    /// <param name="pfns">The frame numbers.</param>
    /// <param name="files">Where procfs is, for a search of processes by id; the usual place when left out.</param>
    public PfnSearch(IEnumerable<ulong> pfns, KernelFiles? files = null)
        : this(pfns.Select(pfn => new PfnRange(pfn)), files)
    {
    }

    /// <summary>Prepares a search for ranges of frames.</summary>
    /// <param name="ranges">The frames.</param>
    /// <param name="files">Where procfs is, for a search of processes by id; the usual place when left out.</param>
    public PfnSearch(IEnumerable<PfnRange> ranges, KernelFiles? files = null)
    {
        _targets = new TargetFrames(ranges);
        _files = files ?? KernelFiles.Default;
    }

    /// <summary>
    /// Returns the ranges that begin within the machine's memory. Others can never be found: a physical address is easily
    /// taken for a frame number. Where the frame tables cannot be read, all ranges are returned.
    /// </summary>
    /// <param name="ranges">The ranges.</param>
    /// <param name="fail">Receives ReadPageFlags, EINVAL for each range after the machine's last frame.</param>
    public static IEnumerable<PfnRange> OfThisMachine(IEnumerable<PfnRange> ranges, Action<MemProcException> fail)
    {
        ulong end = ulong.MaxValue;
        try
        {
            using FrameTables tables = new(FrameAttributes.Flags);
            end = tables.End;
        }
        catch (MemProcException)
        {
            // The search itself reports what is missing.
        }

        foreach (PfnRange range in ranges)
        {
            if (range.First < end)
            {
                yield return range;
            }
            else
            {
                fail(FrameTables.OutOfRange(range.First));
            }
        }
    }

    /// <summary>Returns the addresses where one process maps the frames. Pages in swap never match.</summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <exception cref="MemProcException">
    /// The process cannot be read, or exits meanwhile; EPERM where the kernel hides the frame numbers.
    /// </exception>
    public IEnumerable<PfnOwner> In(LinuxProcess process, CancellationToken cancellation = default) =>
        In(process, AddressRange.All, cancellation).SelectMany(owners => owners);

    /// <summary>
    /// Returns the addresses where any of several processes maps the frames, as they are found. Processes are searched
    /// on all processors.
    /// </summary>
    /// <param name="processIds">The processes.</param>
    /// <param name="visited">Called after each process with the number of processes done, on the caller's thread.</param>
    /// <param name="fail">
    /// Called for each process that cannot be searched, on the caller's thread. ESRCH: it has exited, or is a kernel
    /// thread, and maps nothing.
    /// </param>
    /// <param name="cancellation">Stops the search.</param>
    /// <exception cref="MemProcException">EPERM where the kernel hides the frame numbers.</exception>
    public IEnumerable<PfnOwner> In(
        IReadOnlyList<int> processIds, Action<int> visited, Action<MemProcException> fail,
        CancellationToken cancellation = default)
    {
        PopulatedPages.ThrowIfFramesHidden(_files);
        if (_targets.IsEmpty)
        {
            return [];
        }

        bool onlyAnonymous = PfnProbe.AreAnonymous(_targets, _files);
        ParallelForEach<int, (PfnProbe Probe, CancellationToken Stop)> processes = new(
            InSearchOrder(processIds), stop => (new PfnProbe(_targets, _files, stop) { OnlyAnonymous = onlyAnonymous }, stop), cancellation)
        {
            IsItemError = error => error is MemProcException,
            Completed = process =>
            {
                visited(process.Count);
                if (process.Error is MemProcException error)
                {
                    fail(error);
                }
            },
        };
        return processes
            .Stream<List<PfnOwner>>((id, worker, found) => Search(id, worker.Probe, found, worker.Stop))
            .SelectMany(owners => owners);
    }

    /// <summary>
    /// Returns the processes from the newest on, so that small ones are left for the end, when workers run out of them: the
    /// oldest are kernel threads, which have no memory. The own process is in the middle: while its page table is walked,
    /// its mmap lock is held, and without that lock no further worker starts.
    /// </summary>
    private static List<int> InSearchOrder(IReadOnlyList<int> processIds)
    {
        List<int> ids = [.. processIds.Reverse()];
        if (ids.Remove(Environment.ProcessId))
        {
            ids.Insert(ids.Count / 2, Environment.ProcessId);
        }

        return ids;
    }

    private void Search(int processId, PfnProbe probe, Action<List<PfnOwner>> found, CancellationToken stop)
    {
        // Most processes do not map the frames, and opening a process costs as much as the search.
        if (probe.FindFirst(processId) is not ulong start)
        {
            return;
        }

        using LinuxProcess process = LinuxProcess.Open(processId, files: _files);
        foreach (List<PfnOwner> owners in In(process, AddressRange.All with { Start = start }, stop))
        {
            found(owners);
        }
    }

    /// <summary>Returns the addresses in a range, those of pages that were read together in one list.</summary>
    private IEnumerable<List<PfnOwner>> In(LinuxProcess process, AddressRange range, CancellationToken cancellation)
    {
        foreach ((ProcMap map, PageMapRange pages) in new PopulatedPages(process, cancellation).In(range))
        {
            List<PfnOwner> owners = OwnersIn(map, pages, out bool areFramesHidden);
            if (owners.Count > 0)
            {
                yield return owners;
            }

            if (areFramesHidden)
            {
                throw PageMapReader.FramesHidden();
            }
        }
    }

    /// <summary>Returns the addresses among some pages, up to the first page whose frame number is hidden.</summary>
    private List<PfnOwner> OwnersIn(ProcMap map, PageMapRange pages, out bool areFramesHidden)
    {
        areFramesHidden = false;
        ReadOnlySpan<ulong> entries = pages.Entries.Span;
        List<PfnOwner> owners = [];
        for (int index = -1; (index = _targets.IndexOfNext(entries, index + 1)) >= 0;)
        {
            RawPageMapEntry page = new(entries[index]);
            if (page.IsPfnHidden)
            {
                areFramesHidden = true;
                break;
            }

            owners.Add(new PfnOwner(map, pages.Address + (ulong)index * MachinePage.SizeBytes, page.Pfn));
        }

        return owners;
    }
}

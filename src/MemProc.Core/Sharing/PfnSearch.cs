using System.Collections.Concurrent;
using MemProc.Interop;

namespace MemProc;

/// <summary>Finds who maps given frames, in one pass over the pagemaps whatever their number.</summary>
public sealed class PfnSearch
{
    /// <summary>Answers that wait to be taken, each of one stretch of pages; searching goes on no further.</summary>
    private const int MostWaiting = 64;

    private readonly WantedFrames _wanted;

    /// <summary>Prepares a search.</summary>
    /// <param name="pfns">The frame numbers.</param>
    public PfnSearch(IEnumerable<ulong> pfns) => _wanted = new WantedFrames(pfns);

    /// <summary>The places where one process maps the frames. Pages in swap never match.</summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <exception cref="MemProcException">
    /// The process cannot be read, or exits meanwhile; EPERM where the kernel hides the frame numbers.
    /// </exception>
    public IEnumerable<PfnOwner> In(LinuxProcess process, CancellationToken cancellation = default) =>
        From(0, process, cancellation).SelectMany(owners => owners);

    /// <summary>The places from an address on, those of a stretch of pages together.</summary>
    private IEnumerable<List<PfnOwner>> From(ulong start, LinuxProcess process, CancellationToken cancellation)
    {
        PageMapReader reader = new(process, cancellation);
        foreach (ProcMap map in MapReader.Read(process, cancellation))
        {
            if (map.Kind == ProcMapKind.Vsyscall || map.End <= start)
            {
                continue;
            }

            foreach (PageMapStretch stretch in reader.ReadPopulated(Math.Max(map.Start, start), map.End))
            {
                List<PfnOwner> owners = OwnersIn(map, stretch, out bool isHidden);
                if (owners.Count > 0)
                {
                    yield return owners;
                }

                if (isHidden)
                {
                    throw PageMapReader.Hidden();
                }
            }
        }

        process.ThrowIfExited(Operation.ReadPageMap);
    }

    /// <summary>The places in a stretch, up to the first page whose frame is hidden.</summary>
    private List<PfnOwner> OwnersIn(ProcMap map, PageMapStretch stretch, out bool isHidden)
    {
        isHidden = false;
        ReadOnlySpan<ulong> words = stretch.Words.Span;
        List<PfnOwner> owners = [];
        for (int index = -1; (index = _wanted.Next(words, index + 1)) >= 0;)
        {
            PageMapWord word = new(words[index]);
            if (word.IsPfnHidden)
            {
                isHidden = true;
                break;
            }

            owners.Add(new PfnOwner(map, stretch.Address + (ulong)index * MachinePage.SizeBytes, word.Pfn));
        }

        return owners;
    }

    /// <summary>
    /// The places where any of several processes maps the frames, as they are found; processes are searched on all
    /// processors.
    /// </summary>
    /// <param name="processIds">The processes.</param>
    /// <param name="visited">Told after each process how many are done; on the caller's thread.</param>
    /// <param name="fail">
    /// Told of each process that could not be searched; on the caller's thread. ESRCH: it has ended, or is a thread of
    /// the kernel, and maps nothing.
    /// </param>
    /// <param name="cancellation">Stops the search.</param>
    /// <exception cref="MemProcException">EPERM where the kernel hides the frame numbers.</exception>
    public IEnumerable<PfnOwner> In(
        IReadOnlyList<int> processIds, Action<int> visited, Action<MemProcException> fail,
        CancellationToken cancellation = default)
    {
        PageMapWalk.ThrowIfHidden();
        if (_wanted.Count == 0)
        {
            yield break;
        }

        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using BlockingCollection<object> found = new(MostWaiting);
        Task searching = Task.Run(() => SearchAll(processIds, found, stop.Token), CancellationToken.None);
        try
        {
            int done = 0;
            foreach (object item in found.GetConsumingEnumerable(cancellation))
            {
                if (item is List<PfnOwner> owners)
                {
                    foreach (PfnOwner owner in owners)
                    {
                        yield return owner;
                    }

                    continue;
                }

                visited(++done);
                if (item is MemProcException error)
                {
                    fail(error);
                }
            }

            searching.GetAwaiter().GetResult();
        }
        finally
        {
            // Whoever has seen enough leaves early; the workers must be gone before the collection is.
            stop.Cancel();
            Task.WhenAny(searching).GetAwaiter().GetResult();
        }
    }

    /// <summary>Searches processes: their owners go into the collection, then for each its error or its id.</summary>
    private void SearchAll(
        IReadOnlyList<int> processIds, BlockingCollection<object> found, CancellationToken cancellation)
    {
        try
        {
            ParallelOptions options = new() { CancellationToken = cancellation };
            Parallel.ForEach(
                Partitioner.Create(processIds.ToArray(), loadBalance: true), options,
                () => new PfnGlance(_wanted, cancellation),
                (id, _, glance) =>
                {
                    found.Add(Search(id, glance, found, cancellation) ?? (object)id, cancellation);
                    return glance;
                },
                _ => { });
        }
        finally
        {
            found.CompleteAdding();
        }
    }

    /// <summary>Searches a process; puts owners into the collection. Returns why it could not be searched.</summary>
    private MemProcException? Search(
        int processId, PfnGlance glance, BlockingCollection<object> found, CancellationToken cancellation)
    {
        try
        {
            // Most processes do not map the frames, and opening one costs as much as looking through it.
            if (glance.FindFirst(processId) is ulong start)
            {
                using LinuxProcess process = LinuxProcess.Open(processId);
                foreach (List<PfnOwner> owners in From(start, process, cancellation))
                {
                    found.Add(owners, cancellation);
                }
            }

            return null;
        }
        catch (MemProcException error)
        {
            return error;
        }
    }
}

using System.Collections.Concurrent;
using MemProc.Interop;

namespace MemProc;

/// <summary>Finds who maps given frames, in one pass over the pagemaps whatever their number.</summary>
public sealed class PfnSearch
{
    private const int FilterBits = 16;

    /// <summary>Answers that wait to be taken; searching goes on no further.</summary>
    private const int MostWaiting = 4096;

    private readonly HashSet<ulong> _wanted;
    private readonly bool[] _filter = new bool[1 << FilterBits];

    /// <summary>Prepares a search.</summary>
    /// <param name="pfns">The frame numbers.</param>
    public PfnSearch(IEnumerable<ulong> pfns)
    {
        _wanted = [.. pfns];
        foreach (ulong pfn in _wanted)
        {
            _filter[pfn & ((1 << FilterBits) - 1)] = true;
        }
    }

    /// <summary>The places where one process maps the frames. Pages in swap never match.</summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <exception cref="MemProcException">
    /// The process cannot be read, or exits meanwhile; EPERM where the kernel hides the frame numbers.
    /// </exception>
    public IEnumerable<PfnOwner> In(LinuxProcess process, CancellationToken cancellation = default)
    {
        PageMapReader reader = new(process, cancellation);
        foreach (ProcMap map in MapReader.Read(process, cancellation))
        {
            if (map.Kind == ProcMapKind.Vsyscall)
            {
                continue;
            }

            foreach (PageMapStretch stretch in reader.ReadPopulated(map.Start, map.End))
            {
                int index = -1;
                while ((index = NextMatch(stretch.Words.Span, index + 1)) >= 0)
                {
                    PageMapWord word = new(stretch.Words.Span[index]);
                    if (word.IsPfnHidden)
                    {
                        throw Hidden();
                    }

                    yield return new PfnOwner(map, stretch.Address + (ulong)index * MachinePage.SizeBytes, word.Pfn);
                }
            }
        }

        process.ThrowIfExited("ReadPageMap");
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
        ThrowIfHidden();
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
                if (item is PfnOwner owner)
                {
                    yield return owner;
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

    /// <summary>Searches processes; puts owners into the collection, and for each process done its error or id.</summary>
    private void SearchAll(
        IReadOnlyList<int> processIds, BlockingCollection<object> found, CancellationToken cancellation)
    {
        try
        {
            ParallelOptions options = new() { CancellationToken = cancellation };
            Parallel.ForEach(Partitioner.Create(processIds.ToArray(), loadBalance: true), options, id =>
            {
                object done = id;
                try
                {
                    using LinuxProcess process = LinuxProcess.Open(id);
                    foreach (PfnOwner owner in In(process, cancellation))
                    {
                        found.Add(owner, cancellation);
                    }
                }
                catch (MemProcException error)
                {
                    done = error;
                }

                found.Add(done, cancellation);
            });
        }
        finally
        {
            found.CompleteAdding();
        }
    }

    /// <summary>Throws where frame numbers are hidden: in this process' own pagemap, and so in all others.</summary>
    internal static void ThrowIfHidden()
    {
        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId);
        if (new PageMapWalk(self).All().First(entry => entry.IsPresent).IsPfnHidden)
        {
            throw Hidden();
        }
    }

    /// <summary>The exception that says why nothing can be found by frame number.</summary>
    internal static MemProcException Hidden() => new("ReadPageMap", Errno.EPERM,
        "The kernel hides frame numbers from this user, so no page can be found by them: it takes CAP_SYS_ADMIN "
        + "(run as root).");

    private int NextMatch(ReadOnlySpan<ulong> words, int from)
    {
        for (int index = from; index < words.Length; index++)
        {
            PageMapWord word = new(words[index]);
            // The filter spares nearly every page the look-up; frame 0 stands for a hidden number.
            if (word.IsPresent && (_filter[word.Pfn & ((1 << FilterBits) - 1)] || word.IsPfnHidden)
                && (word.IsPfnHidden || _wanted.Contains(word.Pfn)))
            {
                return index;
            }
        }

        return -1;
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>Finds who maps given frames, in one pass over the pagemaps whatever their number.</summary>
public sealed class PfnSearch
{
    private const int FilterBits = 16;

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

    /// <summary>The places where any of several processes maps the frames.</summary>
    /// <param name="processIds">The processes.</param>
    /// <param name="visit">Told before each process how many came before it.</param>
    /// <param name="fail">
    /// Told of each process that could not be searched. ESRCH: it has ended, or is a thread of the kernel, and maps
    /// nothing.
    /// </param>
    /// <param name="cancellation">Stops the search.</param>
    /// <exception cref="MemProcException">EPERM where the kernel hides the frame numbers.</exception>
    public IEnumerable<PfnOwner> In(
        IReadOnlyList<int> processIds, Action<int> visit, Action<MemProcException> fail,
        CancellationToken cancellation = default)
    {
        if (AreFramesHidden())
        {
            throw Hidden();
        }

        for (int index = 0; index < processIds.Count && _wanted.Count > 0; index++)
        {
            visit(index);
            using LinuxProcess? process = Attempt(() => LinuxProcess.Open(processIds[index]), fail);
            if (process is null)
            {
                continue;
            }

            using IEnumerator<PfnOwner> owners = In(process, cancellation).GetEnumerator();
            while (Attempt(() => owners.MoveNext() ? owners.Current : null, fail) is PfnOwner owner)
            {
                yield return owner;
            }
        }
    }

    /// <summary>Whether the frame numbers in this process' own pagemap are hidden, and so would be all others.</summary>
    private static bool AreFramesHidden()
    {
        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId);
        return new PageMapWalk(self).All().First(entry => entry.IsPresent).IsPfnHidden;
    }

    /// <summary>The exception that says why nothing can be found by frame number.</summary>
    private static MemProcException Hidden() => new("ReadPageMap", Errno.EPERM,
        "The kernel hides frame numbers from this user, so no page can be found by them: it takes CAP_SYS_ADMIN "
        + "(run as root).");

    private static T? Attempt<T>(Func<T?> work, Action<MemProcException> fail)
        where T : class
    {
        try
        {
            return work();
        }
        catch (MemProcException error)
        {
            fail(error);
            return null;
        }
    }

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

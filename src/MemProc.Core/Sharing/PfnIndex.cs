using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Which processes map which frames, all of them: 16 bytes a page. Built in one pass over the page tables, on all
/// processors.
/// </summary>
public sealed class PfnIndex
{
    /// <summary>Low bits of a key: which process. The frame number is above them.</summary>
    private const int ProcessBits = 24;

    private readonly ulong[] _keys;
    private readonly ulong[] _addresses;
    private readonly ProcessIdentity[] _processes;

    private PfnIndex(ulong[] keys, ulong[] addresses, ProcessIdentity[] processes)
    {
        _keys = keys;
        _addresses = addresses;
        _processes = processes;
    }

    /// <summary>Number of mapped pages.</summary>
    public int PageCount => _keys.Length;

    /// <summary>The processes whose pages are in it.</summary>
    public IReadOnlyList<ProcessIdentity> Processes => _processes;

    /// <summary>Builds the index.</summary>
    /// <param name="processIds">The processes.</param>
    /// <param name="visited">Told after each process how many are done; from any thread, one at a time.</param>
    /// <param name="fail">
    /// Told of each process that is not in the index; from any thread, one at a time. ESRCH: it has ended, or is a
    /// thread of the kernel, and maps nothing.
    /// </param>
    /// <param name="cancellation">Stops the building.</param>
    /// <exception cref="MemProcException">EPERM where the kernel hides the frame numbers.</exception>
    public static PfnIndex Build(
        IReadOnlyList<int> processIds, Action<int> visited, Action<MemProcException> fail,
        CancellationToken cancellation = default)
    {
        PageMapWalk.ThrowIfHidden();
        PageList?[] lists = new PageList?[processIds.Count];
        Lock telling = new();
        int done = 0;
        Parallel.For(0, processIds.Count, new ParallelOptions { CancellationToken = cancellation }, index =>
        {
            MemProcException? problem = null;
            try
            {
                lists[index] = PageList.Read(processIds[index], cancellation);
            }
            catch (MemProcException error)
            {
                problem = error;
            }

            lock (telling)
            {
                visited(++done);
                if (problem is not null)
                {
                    fail(problem);
                }
            }
        });
        return Merge([.. lists.OfType<PageList>()]);
    }

    /// <summary>The places where a frame is mapped, by process.</summary>
    /// <param name="pfn">The frame number.</param>
    public IEnumerable<(ProcessIdentity Process, ulong Address)> Owners(ulong pfn)
    {
        (int first, int end) = Find(pfn);
        for (int index = first; index < end; index++)
        {
            yield return (ProcessAt(index), _addresses[index]);
        }
    }

    /// <summary>Where the places of a frame stand: from the first up to the end, grouped by process.</summary>
    internal (int First, int End) Find(ulong pfn) => (LowerBound(pfn << ProcessBits), LowerBound((pfn + 1) << ProcessBits));

    /// <summary>The process of a place.</summary>
    internal ProcessIdentity ProcessAt(int place) => _processes[(int)(_keys[place] & ((1UL << ProcessBits) - 1))];

    private static PfnIndex Merge(PageList[] lists)
    {
        ulong[] keys = GC.AllocateUninitializedArray<ulong>(lists.Sum(list => list.Count));
        ulong[] addresses = GC.AllocateUninitializedArray<ulong>(keys.Length);
        int filled = 0;
        for (int process = 0; process < lists.Length; process++)
        {
            filled += lists[process].MoveTo(keys.AsSpan(filled), addresses.AsSpan(filled), ProcessBits, (ulong)process);
        }

        Array.Sort(keys, addresses);
        return new PfnIndex(keys, addresses, Array.ConvertAll(lists, list => list.Process));
    }

    private int LowerBound(ulong key)
    {
        int first = 0;
        int end = _keys.Length;
        while (first < end)
        {
            int middle = first + (end - first) / 2;
            if (_keys[middle] < key)
            {
                first = middle + 1;
            }
            else
            {
                end = middle;
            }
        }

        return first;
    }

    /// <summary>The present pages of one process, in pieces that are given up as they are merged.</summary>
    private sealed class PageList(ProcessIdentity process)
    {
        private const int PiecePages = 32 * 1024;

        private readonly Queue<(ulong[] Pfns, ulong[] Addresses)> _pieces = new();
        private ulong[] _pfns = [];
        private ulong[] _addresses = [];
        private int _last = PiecePages;

        public ProcessIdentity Process { get; } = process;

        public int Count { get; private set; }

        public static PageList Read(int processId, CancellationToken cancellation)
        {
            using LinuxProcess process = LinuxProcess.Open(processId);
            PageList list = new(process.Identity);
            PageMapReader reader = new(process, cancellation);
            foreach (ProcMap map in MapReader.Read(process, cancellation))
            {
                if (map.Kind == ProcMapKind.Vsyscall)
                {
                    continue;
                }

                foreach (PageMapStretch stretch in reader.ReadPopulated(map.Start, map.End))
                {
                    list.Add(stretch);
                }
            }

            process.ThrowIfExited(Operation.ReadPageMap);
            return list;
        }

        public int MoveTo(Span<ulong> keys, Span<ulong> addresses, int shift, ulong process)
        {
            int place = 0;
            while (_pieces.TryDequeue(out (ulong[] Pfns, ulong[] Addresses) piece))
            {
                int size = _pieces.Count == 0 ? _last : PiecePages;
                for (int index = 0; index < size; index++)
                {
                    keys[place] = piece.Pfns[index] << shift | process;
                    addresses[place++] = piece.Addresses[index];
                }
            }

            return place;
        }

        private void Add(PageMapStretch stretch)
        {
            ReadOnlySpan<ulong> words = stretch.Words.Span;
            for (int index = 0; index < words.Length; index++)
            {
                PageMapWord word = new(words[index]);
                if (word.Pfn == 0)
                {
                    continue;
                }

                if (_last == PiecePages)
                {
                    _pfns = GC.AllocateUninitializedArray<ulong>(PiecePages);
                    _addresses = GC.AllocateUninitializedArray<ulong>(PiecePages);
                    _pieces.Enqueue((_pfns, _addresses));
                    _last = 0;
                }

                _pfns[_last] = word.Pfn;
                _addresses[_last++] = stretch.Address + (ulong)index * MachinePage.SizeBytes;
                Count++;
            }
        }
    }
}

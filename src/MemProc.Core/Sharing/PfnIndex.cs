using MemProc.Interop;

namespace MemProc;

/// <summary>
/// All addresses where processes map frames, by frame: 16 bytes a page. Built in one pass over the page tables, on all
/// processors.
/// </summary>
public sealed class PfnIndex
{
    /// <summary>Low bits of a key: the process. The frame number is above them.</summary>
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

    /// <summary>The processes whose pages are in the index.</summary>
    public IReadOnlyList<ProcessIdentity> Processes => _processes;

    /// <summary>Builds the index.</summary>
    /// <param name="processIds">The processes.</param>
    /// <param name="visited">Called after each process with the number of processes done, on the caller's thread.</param>
    /// <param name="fail">
    /// Called for each process that is not in the index, on the caller's thread. ESRCH: it has exited, or is a kernel
    /// thread, and maps nothing.
    /// </param>
    /// <param name="files">Where procfs is; the usual place when left out.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="MemProcException">EPERM where the kernel hides the frame numbers.</exception>
    public static PfnIndex Build(
        IReadOnlyList<int> processIds, Action<int> visited, Action<MemProcException> fail,
        KernelFiles? files = null, CancellationToken cancellation = default)
    {
        files ??= KernelFiles.Default;
        PopulatedPages.ThrowIfFramesHidden(files);
        ParallelForEach<int, CancellationToken> processes = new(
            Enumerable.Range(0, processIds.Count), stop => stop, cancellation)
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
        PageList?[] lists = new PageList?[processIds.Count];
        foreach ((int index, PageList list) in processes.Stream<(int, PageList)>(
            (index, stop, found) => found((index, PageList.Read(processIds[index], files, stop)))))
        {
            lists[index] = list;
        }

        return Merge([.. lists.OfType<PageList>()]);
    }

    /// <summary>Returns the addresses where a frame is mapped, by process.</summary>
    /// <param name="pfn">The frame number.</param>
    public IEnumerable<(ProcessIdentity Process, ulong Address)> Owners(ulong pfn)
    {
        (int first, int end) = Find(pfn);
        for (int index = first; index < end; index++)
        {
            yield return (ProcessAt(index), _addresses[index]);
        }
    }

    /// <summary>Returns the part of the index that a frame has: first index, and the index after the last one.</summary>
    internal (int First, int End) Find(ulong pfn) => (LowerBound(pfn << ProcessBits), LowerBound((pfn + 1) << ProcessBits));

    /// <summary>Returns the process at an index. The processes of a frame are in order.</summary>
    internal ProcessIdentity ProcessAt(int index) => _processes[(int)(_keys[index] & ((1UL << ProcessBits) - 1))];

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

    /// <summary>The present pages of one process, in chunks that are released as they are merged.</summary>
    private sealed class PageList(ProcessIdentity process)
    {
        private const int ChunkPages = 32 * 1024;

        private readonly Queue<(ulong[] Pfns, ulong[] Addresses)> _chunks = new();
        private ulong[] _pfns = [];
        private ulong[] _addresses = [];
        private int _last = ChunkPages;

        public ProcessIdentity Process { get; } = process;

        public int Count { get; private set; }

        public static PageList Read(int processId, KernelFiles files, CancellationToken cancellation)
        {
            using LinuxProcess process = LinuxProcess.Open(processId, files: files);
            PageList list = new(process.Identity);
            foreach ((_, PageMapRange pages) in new PopulatedPages(process, cancellation).In(AddressRange.All))
            {
                list.Add(pages);
            }

            return list;
        }

        public int MoveTo(Span<ulong> keys, Span<ulong> addresses, int shift, ulong process)
        {
            int filled = 0;
            while (_chunks.TryDequeue(out (ulong[] Pfns, ulong[] Addresses) chunk))
            {
                int size = _chunks.Count == 0 ? _last : ChunkPages;
                for (int index = 0; index < size; index++)
                {
                    keys[filled] = chunk.Pfns[index] << shift | process;
                    addresses[filled++] = chunk.Addresses[index];
                }
            }

            return filled;
        }

        private void Add(PageMapRange pages)
        {
            ReadOnlySpan<ulong> entries = pages.Entries.Span;
            for (int index = 0; index < entries.Length; index++)
            {
                RawPageMapEntry page = new(entries[index]);
                if (page.Pfn == 0)
                {
                    continue;
                }

                if (_last == ChunkPages)
                {
                    _pfns = GC.AllocateUninitializedArray<ulong>(ChunkPages);
                    _addresses = GC.AllocateUninitializedArray<ulong>(ChunkPages);
                    _chunks.Enqueue((_pfns, _addresses));
                    _last = 0;
                }

                _pfns[_last] = page.Pfn;
                _addresses[_last++] = pages.Address + (ulong)index * MachinePage.SizeBytes;
                Count++;
            }
        }
    }
}

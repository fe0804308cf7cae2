using System.Buffers;
using System.Runtime.CompilerServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// All addresses where processes map frames, by frame: little more than 8 bytes a page. Built in one pass over the page
/// tables, on all processors.
/// </summary>
/// <remarks>
/// Frames are in buckets by the high bits of their numbers. An entry of a bucket has the low bits above the place of the
/// page: the number of a stretch of a process, and the page in it. So entries in ascending order are by frame, then by
/// process and address.
/// </remarks>
public sealed class PfnIndex
{
    /// <summary>Low bits of a frame number, which tell the frames of a bucket apart.</summary>
    internal const int FrameBits = 16;

    /// <summary>Bits of a page's number in its stretch.</summary>
    internal const int PageBits = 24;

    /// <summary>Bits of a place: a stretch, and a page in it.</summary>
    private const int PlaceBits = 64 - FrameBits;

    /// <summary>Maximum number of stretches. Each has a page at least, and few processes need more than a dozen.</summary>
    private const int MaxStretches = 1 << (PlaceBits - PageBits);

    /// <summary>Buckets with fewer entries are sorted as they are; it takes a table of all frames of a bucket otherwise.</summary>
    private const int MinCounted = 4096;

    private readonly ulong[]?[] _buckets;
    private readonly (int Process, ulong FirstPage)[] _stretches;
    private readonly ProcessIdentity[] _processes;

    private PfnIndex(ulong[]?[] buckets, (int Process, ulong FirstPage)[] stretches, ProcessIdentity[] processes)
    {
        _buckets = buckets;
        _stretches = stretches;
        _processes = processes;
        PageCount = buckets.Sum(bucket => bucket?.LongLength ?? 0);
    }

    /// <summary>Number of mapped pages.</summary>
    public long PageCount { get; }

    /// <summary>The processes whose pages are in the index.</summary>
    public IReadOnlyList<ProcessIdentity> Processes => _processes;

    /// <summary>Builds the index of all pages.</summary>
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
        KernelFiles? files = null, CancellationToken cancellation = default) =>
        Build(processIds, null, visited, fail, files, cancellation);

    /// <summary>
    /// Builds the index of the pages that a process shares, or may share: all but those that the kernel reports as mapped
    /// by it alone. It takes memory only for these. Of the other processes only pages of files are read where all shared
    /// pages are such, and nothing where there are none.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="processIds">The processes that are read; the process itself is always among them.</param>
    /// <param name="visited">As for <c>Build</c>.</param>
    /// <param name="fail">As for <c>Build</c>.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="MemProcException">
    /// EPERM where the kernel hides the frame numbers; ReadMaps or ReadPageMap failed for the process.
    /// </exception>
    public static PfnIndex BuildShared(
        LinuxProcess process, IReadOnlyList<int> processIds, Action<int> visited, Action<MemProcException> fail,
        CancellationToken cancellation = default)
    {
        PopulatedPages.ThrowIfFramesHidden(process.Files);
        SharedFrames shared = SharedFrames.Of(process, cancellation);
        return Build(shared.IsEmpty ? [process.Id] : [.. processIds.Append(process.Id).Distinct()],
            shared, visited, fail, process.Files, cancellation);
    }

    private static PfnIndex Build(
        IReadOnlyList<int> processIds, SharedFrames? only, Action<int> visited, Action<MemProcException> fail,
        KernelFiles? files, CancellationToken cancellation)
    {
        files ??= KernelFiles.Default;
        PopulatedPages.ThrowIfFramesHidden(files);
        int done = 0;
        List<FramePages> lists = [];
        List<FramePages> large = [];
        ParallelForEach<int, (CancellationToken Stop, SharedFrames? Only)> processes = new(
            Enumerable.Range(0, processIds.Count), stop => (stop, only?.Copy()), cancellation)
        {
            IsItemError = error => error is MemProcException,
            Completed = process =>
            {
                if (process.Error is MemProcException error)
                {
                    visited(++done);
                    fail(error);
                }
                else if (!large.Exists(list => list.Order == process.Item))
                {
                    visited(++done);
                }
            },
        };
        foreach (FramePages list in processes.Stream<FramePages>((index, worker, found) =>
            found(FramePages.Read(index, processIds[index], files, worker.Only, worker.Stop))))
        {
            (list.IsComplete ? lists : large).Add(list);
        }

        foreach (FramePages list in large)
        {
            try
            {
                list.ReadRest(files, only, cancellation);
                lists.Add(list);
            }
            catch (MemProcException error)
            {
                fail(error);
            }

            visited(++done);
        }

        lists.Sort((one, other) => one.Order.CompareTo(other.Order));
        return Merge(lists, cancellation);
    }

    /// <summary>Returns the addresses where a frame is mapped, by process.</summary>
    /// <param name="pfn">The frame number.</param>
    public IEnumerable<(ProcessIdentity Process, ulong Address)> Owners(ulong pfn)
    {
        ulong[] bucket = Find(pfn, out int first, out int end);
        for (int index = first; index < end; index++)
        {
            (int process, ulong firstPage) = StretchOf(bucket[index]);
            yield return (_processes[process], (firstPage + (bucket[index] & ((1UL << PageBits) - 1))) * MachinePage.SizeBytes);
        }
    }

    /// <summary>Finds the entries of a frame.</summary>
    /// <param name="pfn">The frame number.</param>
    /// <param name="first">Index of the first one.</param>
    /// <param name="end">Index after the last one.</param>
    /// <returns>The array that the indexes are in. The processes of a frame are in order.</returns>
    internal ulong[] Find(ulong pfn, out int first, out int end)
    {
        ulong key = pfn >> FrameBits;
        if (key >= (ulong)_buckets.Length || _buckets[key] is not ulong[] bucket)
        {
            first = end = 0;
            return [];
        }

        first = end = LowerBound(bucket, (pfn & ((1 << FrameBits) - 1)) << PlaceBits);
        for (; end < bucket.Length && bucket[end] >> PlaceBits == (pfn & ((1 << FrameBits) - 1)); end++)
        {
        }

        return bucket;
    }

    /// <summary>Returns the process of an entry.</summary>
    internal ProcessIdentity ProcessOf(ulong entry) => _processes[StretchOf(entry).Process];

    private (int Process, ulong FirstPage) StretchOf(ulong entry) =>
        _stretches[entry >> PageBits & (MaxStretches - 1)];

    private static PfnIndex Merge(List<FramePages> lists, CancellationToken cancellation)
    {
        int stretches = lists.Sum(list => list.Chunks.Count);
        if (stretches > MaxStretches)
        {
            throw new MemProcException(Operation.ReadPageMap, Errno.E2BIG,
                $"The processes have pages in {stretches} places; the index of pages has room for {MaxStretches}. Select "
                + "processes by their ids.");
        }

        ulong max = lists.Max(list => (ulong?)list.MaxPfn) ?? 0;
        int[] sizes = new int[(max >> FrameBits) + 1];
        lists.ForEach(list => list.Count(sizes));
        ulong[]?[] buckets = Array.ConvertAll(
            sizes, size => size == 0 ? null : GC.AllocateUninitializedArray<ulong>(size));
        (int, ulong)[] places = new (int, ulong)[stretches];
        int[] filled = new int[sizes.Length];
        int stretch = 0;
        for (int process = 0; process < lists.Count; process++)
        {
            while (lists[process].Chunks.TryDequeue(out FramePages.Chunk? chunk))
            {
                cancellation.ThrowIfCancellationRequested();
                places[stretch] = (process, chunk.FirstPage);
                chunk.MoveTo(buckets, filled, (ulong)stretch++ << PageBits, PlaceBits);
            }
        }

        ParallelForEach<ulong[], int[]> all = new(buckets.OfType<ulong[]>(), _ => new int[1 << FrameBits], cancellation);
        all.Run((bucket, counts) => Sort(bucket, counts), _ => { });
        return new PfnIndex(buckets, places, [.. lists.Select(list => list.Identity)]);
    }

    /// <summary>Sorts entries that are in order of their places already by frame.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sort(ulong[] bucket, int[] counts)
    {
        if (bucket.Length < MinCounted)
        {
            Array.Sort(bucket);
            return;
        }

        Array.Clear(counts);
        foreach (ulong entry in bucket)
        {
            counts[entry >> PlaceBits]++;
        }

        int sum = 0;
        for (int frame = 0; frame < counts.Length; frame++)
        {
            (counts[frame], sum) = (sum, sum + counts[frame]);
        }

        ulong[] sorted = ArrayPool<ulong>.Shared.Rent(bucket.Length);
        foreach (ulong entry in bucket)
        {
            sorted[counts[entry >> PlaceBits]++] = entry;
        }

        sorted.AsSpan(0, bucket.Length).CopyTo(bucket);
        ArrayPool<ulong>.Shared.Return(sorted);
    }

    private static int LowerBound(ulong[] entries, ulong entry)
    {
        int first = 0;
        int end = entries.Length;
        while (first < end)
        {
            int middle = first + (end - first) / 2;
            if (entries[middle] < entry)
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
}

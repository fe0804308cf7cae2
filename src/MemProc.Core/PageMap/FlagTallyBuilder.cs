using MemProc.Interop;

namespace MemProc;

/// <summary>Counts the flags of many frames: of the whole machine, of a range, of a process.</summary>
/// <param name="tables">The frame tables.</param>
/// <param name="raw">Whether flags internal to the kernel count too.</param>
/// <param name="filter">Selects what counts.</param>
/// <param name="cancellation">Stops the count.</param>
public sealed class FlagTallyBuilder(
    FrameTables tables, bool raw, PageFilter filter, CancellationToken cancellation = default)
{
    /// <summary>Frames that a worker counts at a time: 1 MiB of table entries.</summary>
    private const int ChunkFrames = 128 * 1024;

    /// <summary>Bytes of a mapping that a worker counts at a time: 128 KiB of pagemap.</summary>
    private const ulong ChunkBytes = 64UL << 20;

    /// <summary>Maximum number of chunks of one mapping.</summary>
    private const ulong MaxChunks = 1024;

    /// <summary>The sums so far; those of several instances with the same parameters can be one.</summary>
    public FlagTally Counts { get; init; } = new(raw, filter.Frame.Flags);

    /// <summary>Counts all frames of the machine, on all processors.</summary>
    /// <exception cref="MemProcException">A table cannot be read.</exception>
    public void AddMachine() => Add(0, tables.End);

    /// <summary>Counts consecutive frames, on all processors. An open range ends with the last frame of the machine.</summary>
    /// <param name="range">The frames.</param>
    /// <exception cref="MemProcException">
    /// A table cannot be read; ReadPageFlags, EINVAL where the machine does not have all of them.
    /// </exception>
    public void AddRange(PfnRange range)
    {
        foreach (PfnRange known in tables.Known(range))
        {
            AddKnown(known);
        }
    }

    private void AddKnown(PfnRange range)
    {
        ulong end = tables.IsSaved ? range.End : tables.End;
        Add(range.First, Math.Min(range.End, end));
        if (range.End > end && (!range.IsOpen || range.First >= end))
        {
            throw FrameTables.OutOfRange(Math.Max(range.First, end));
        }
    }

    private void Add(ulong first, ulong end)
    {
        ParallelForEach<PfnRange, Worker> chunks = new(
            Chunks(first, end), _ => new Worker(new FlagTally(raw, filter.Frame.Flags)), cancellation);
        chunks.Run(
            (chunk, worker) => worker.Count(tables, chunk.First, (int)chunk.Count, filter.Frame.CgroupInode),
            worker => Counts.Add(worker.Counts));
    }

    /// <summary>Counts scattered frames. A frame counts as often as it is given.</summary>
    /// <param name="pfns">Frame numbers in any order.</param>
    /// <exception cref="MemProcException">
    /// A table cannot be read; ReadPageFlags, EINVAL where the machine lacks one: the others are counted.
    /// </exception>
    public void AddFrames(IEnumerable<ulong> pfns)
    {
        ulong[] sorted = [.. pfns];
        Array.Sort(sorted);
        ulong[] given = [.. sorted];
        sorted = sorted[..tables.KeepKnown(sorted)];
        ulong[] flags = new ulong[sorted.Length];
        int known = tables.ReadFlags(sorted, flags);
        ulong[]? cgroups = filter.Frame.CgroupInode is null ? null : tables.ReadCgroups(sorted.AsSpan(0, known)) ?? [];
        for (int index = 0; index < (cgroups?.Length ?? known); index++)
        {
            if (cgroups is null || cgroups[index] == filter.Frame.CgroupInode)
            {
                Counts.Add(new KernelPageFlagSet(flags[index]));
            }
        }

        if (known < given.Length)
        {
            throw tables.NotFound(given.Except(sorted[..known]).First());
        }
    }

    /// <summary>Counts the pages of a process on all processors: all of them or, where something fails, none.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">First address; null: the whole process.</param>
    /// <param name="length">Bytes from there.</param>
    /// <exception cref="MemProcException">
    /// EPERM where the kernel hides the frame numbers; ReadMaps, ReadPageMap or ReadPageFlags failed.
    /// </exception>
    public void AddProcess(MemoryTarget process, ulong? address = null, ulong length = 0)
    {
        AddressRange range = address is ulong start
            ? new AddressRange(start, UserRange.End(start, length, Operation.ReadPageMap)).Pages
            : AddressRange.All;
        ParallelForEach<(ProcMap Map, AddressRange Part), (PopulatedPages Walk, ProcessFlagTally Count)> chunks = new(
            PopulatedPages.Parts(new PopulatedPages(process, cancellation).Maps(range), range, ChunkBytes, MaxChunks),
            stop => (new PopulatedPages(process, stop) { DetectHuge = filter.IsHuge },
                new ProcessFlagTally(tables, raw, filter)),
            cancellation)
        {
            Workers = range.SizeBytes <= ChunkBytes ? 1 : Environment.ProcessorCount,
        };
        ProcessFlagTally count = new(tables, raw, filter);
        chunks.Run(
            (chunk, worker) =>
            {
                foreach (PageMapRange pages in worker.Walk.Of(chunk.Map, chunk.Part))
                {
                    worker.Count.Collect(pages);
                }
            },
            worker => count.Add(worker.Count));
        process.ThrowIfExited(Operation.ReadPageMap);
        Counts.Add(count.Count(cancellation));
    }

    private static IEnumerable<PfnRange> Chunks(ulong first, ulong end)
    {
        for (ulong at = first; at < end; at += ChunkFrames)
        {
            yield return new PfnRange(at, Math.Min(ChunkFrames, end - at));
        }
    }

    /// <summary>The buffers and sums of one worker.</summary>
    private sealed class Worker(FlagTally counts)
    {
        private readonly ulong[] _flags = new ulong[ChunkFrames];
        private ulong[]? _cgroups;

        public FlagTally Counts { get; } = counts;

        public void Count(FrameTables tables, ulong first, int count, ulong? cgroup)
        {
            int known = tables.ReadFlags(first, _flags.AsSpan(0, count));
            if (cgroup is null)
            {
                Counts.Add(_flags.AsSpan(0, known));
                return;
            }

            _cgroups ??= new ulong[ChunkFrames];
            int charged = tables.ReadCgroups(first, _cgroups.AsSpan(0, known));
            for (int index = 0; index < charged; index++)
            {
                if (_cgroups[index] == cgroup)
                {
                    Counts.Add(new KernelPageFlagSet(_flags[index]));
                }
            }
        }
    }
}

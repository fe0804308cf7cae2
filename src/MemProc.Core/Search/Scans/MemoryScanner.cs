using System.Globalization;
using MemProc.Interop;

namespace MemProc;

/// <summary>Makes scans of the memory of a process, and narrows them.</summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the work.</param>
public sealed class MemoryScanner(LinuxProcess process, CancellationToken cancellation = default)
{
    private const int PieceBytes = 1024 * 1024;

    [ThreadStatic]
    private static ulong[]? _bits;

    /// <summary>How often the progress of workers is looked at.</summary>
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);

    /// <summary>Which memory.</summary>
    public SearchRange Range { get; init; } = SearchRange.All;

    /// <summary>Processors that take part.</summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 4);

    /// <summary>
    /// The most bytes that a scan may take; half of what is free when it begins unless another number is given.
    /// </summary>
    public ulong? MostHeldBytes { get; init; }

    /// <summary>Told now and then how far the work is; on the caller's thread.</summary>
    public Action<SearchProgress>? Progress { get; init; }

    /// <summary>What a first scan left out.</summary>
    public SearchSkips Skips { get; private set; }

    /// <summary>Bytes that a first scan looked at.</summary>
    public ulong SearchedBytes { get; private set; }

    /// <summary>Looks at the memory for the first time.</summary>
    /// <param name="type">The type of the numbers.</param>
    /// <param name="condition">Which numbers; null: all of them, whatever they are.</param>
    /// <param name="alignment">They begin at multiples of this; null: at multiples of their size.</param>
    /// <exception cref="ArgumentException">Numbers of the type cannot be compared; an impossible alignment.</exception>
    /// <exception cref="MemProcException">
    /// ScanMemory: ENOMEM where the scan would take too much memory, ESRCH where the process exits meanwhile. Others as
    /// for a search.
    /// </exception>
    public MemoryScan Start(MemoryValueType type, ValueCondition? condition, int? alignment = null)
    {
        // Without a condition nothing is searched for; size and alignment are checked all the same.
        ValuePattern pattern = new(condition ?? ValueCondition.EqualTo(type, 0), alignment);
        ScanLayout layout = new(pattern.LongestMatch, pattern.Alignment);
        MemoryReader reader = new(process, Range.Method, cancellation);
        SearchPlan plan = new(process, Range, reader.Method, behind: 0, layout.Size - 1, cancellation);
        OrderedPieces pieces = new(plan, reader, Math.Max(Workers, 1), () => new SearchPiece(pattern, PieceBytes),
            piece => piece.Product = FirstBlocks(piece, pattern, layout, condition is null), cancellation);
        List<ScanBlock> blocks = [];
        ulong most = MostHeldBytes ?? AvailableBytes(process.Files) / 2, held = 0;
        foreach (SearchPiece piece in pieces.Run(Tell))
        {
            foreach (ScanBlock block in (List<ScanBlock>)piece.Product!)
            {
                blocks.Add(block);
                held += (ulong)block.HeldBytes;
            }

            if (held > most)
            {
                throw new MemProcException(Operation.ScanMemory, Errno.ENOMEM, $"Process {process.Identity}: the scan would take "
                    + $"more than {HumanSize.Format(most)}, too much of what is free. Give a value, or scan part of the "
                    + "memory.");
            }

            Tell();
        }

        Tell();
        process.ThrowIfExited(Operation.ScanMemory);
        return new MemoryScan(process.Identity, type, layout, blocks, rounds: 1, lost: 0);

        void Tell()
        {
            SearchedBytes = pieces.SearchedBytes - pieces.FailedBytes;
            Skips = plan.Skips with { FailedBytes = pieces.FailedBytes };
            Progress?.Invoke(new SearchProgress(SearchedBytes, pieces.PassedBytes, plan.MappedBytes));
        }
    }

    /// <summary>
    /// Looks at the candidates again. They are read whether they are in memory or not: one that was swapped out comes
    /// back.
    /// </summary>
    /// <param name="scan">The scan, which stays as it is.</param>
    /// <param name="test">Which candidates stay.</param>
    /// <returns>A scan of those, as they are now.</returns>
    /// <exception cref="MemProcException">ScanMemory, ReadMemory: ESRCH where the process exits meanwhile.</exception>
    public MemoryScan Narrow(MemoryScan scan, ScanTest test)
    {
        ScanJob[] jobs = [.. ScanJob.Divide(scan.Blocks, scan.Layout)];
        MemoryReader reader = new(process, Range.Method, cancellation);
        int done = 0;
        Task work = Task.Run(() => Parallel.ForEach(jobs,
            new ParallelOptions { MaxDegreeOfParallelism = Math.Max(Workers, 1), CancellationToken = cancellation },
            () => new ScanBuffers(reader),
            (job, _, buffers) =>
            {
                job.Run(buffers, test);
                Interlocked.Increment(ref done);
                return buffers;
            },
            _ => { }), CancellationToken.None);
        while (!((IAsyncResult)work).AsyncWaitHandle.WaitOne(Glance))
        {
            int jobsDone = Volatile.Read(ref done);
            ulong bytes = (ulong)jobsDone * PieceBytes;
            Progress?.Invoke(new SearchProgress(bytes, (ulong)jobsDone, (ulong)jobs.Length));
        }

        ThrowFirst(work);
        process.ThrowIfExited(Operation.ScanMemory);
        List<ScanBlock> blocks = [.. jobs.SelectMany(job => job.Kept)];
        return new MemoryScan(process.Identity, scan.Type, scan.Layout, blocks, scan.Rounds + 1,
            jobs.Aggregate(0UL, (sum, job) => sum + job.Lost));
    }

    private static void ThrowFirst(Task work)
    {
        if (work.IsCanceled || work.Exception?.InnerException is OperationCanceledException)
        {
            throw new OperationCanceledException();
        }

        Exception? error = work.Exception?.Flatten().InnerExceptions
            .OrderBy(error => error is MemProcException ? 0 : 1).FirstOrDefault();
        if (error is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error);
        }
    }

    private static List<ScanBlock>? FirstBlocks(SearchPiece piece, ValuePattern pattern, in ScanLayout layout, bool all)
    {
        List<ScanBlock> blocks = [];
        FoundMatch[] found = all ? [] : new FoundMatch[1024];
        // One for each worker; all bits are clear again after each piece.
        ulong[] bits = all ? [] : _bits ??= new ulong[piece.Buffer.Length / 64 + 1];
        foreach (SearchWindow window in piece.Windows)
        {
            int first = pattern.Align(window, window.From);
            // Those that begin in the part, and end in the window.
            int slots = Math.Min(layout.SlotsIn(window.End - first),
                (window.To - first + layout.Alignment - 1) / layout.Alignment);
            if (slots <= 0)
            {
                continue;
            }

            ReadOnlySpan<byte> bytes = piece.Buffer.AsSpan(first, layout.Length(slots));
            if (all)
            {
                ScanBlock.AddAll(blocks, layout, window.AddressOf(first), bytes, slots);
                continue;
            }

            bool any = false;
            for (int next = first; next < window.To;)
            {
                int count = pattern.Find(piece, window, ref next, found);
                any |= count > 0;
                foreach (FoundMatch match in found.AsSpan(0, count))
                {
                    int slot = (match.Offset - first) / layout.Alignment;
                    bits[slot / 64] |= 1UL << (slot % 64);
                }
            }

            if (any)
            {
                ScanBlock.AddSome(blocks, layout, window.AddressOf(first), bytes, slots, bits);
                Array.Clear(bits, 0, (slots + 63) / 64);
            }
        }

        return blocks.Count > 0 ? blocks : null;
    }

    private static ulong AvailableBytes(KernelFiles files)
    {
        foreach (string line in File.ReadLines($"{files.Proc}/meminfo"))
        {
            if (line.StartsWith("MemAvailable:", StringComparison.Ordinal))
            {
                string number = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
                return 1024 * ulong.Parse(number, CultureInfo.InvariantCulture);
            }
        }

        return (ulong)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
    }
}

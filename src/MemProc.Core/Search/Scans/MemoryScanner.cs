using MemProc.Interop;

namespace MemProc;

/// <summary>Creates scans of the memory of a process, and narrows them.</summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the work.</param>
public sealed class MemoryScanner(MemoryTarget process, CancellationToken cancellation = default)
{
    [ThreadStatic]
    private static ulong[]? _bits;

    private SearchPass? _pass;

    /// <summary>Which memory is scanned.</summary>
    public SearchRange Range { get; init; } = SearchRange.All;

    /// <summary>Processors that take part.</summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 4);

    /// <summary>
    /// Maximum number of bytes that a scan may hold; half of the available memory when it is not set.
    /// </summary>
    public ulong? MaxHeldBytes { get; init; }

    /// <summary>
    /// Scan for all numbers although the scan might hold more than <see cref="MaxHeldBytes"/>. It ends with an error where
    /// it does.
    /// </summary>
    public bool Force { get; init; }

    /// <summary>
    /// Called before a scan for all numbers, with the maximum number of bytes that it can hold. Equal numbers in a row
    /// take almost nothing, so that it usually holds less.
    /// </summary>
    public Action<ulong>? Estimated { get; init; }

    /// <summary>Called several times a second with the progress, on the caller's thread.</summary>
    public Action<SearchProgress>? Progress { get; init; }

    /// <summary>What a first scan left out.</summary>
    public SearchSkips Skips => _pass?.Skips ?? default;

    /// <summary>Bytes that a first scan has read.</summary>
    public ulong SearchedBytes => _pass?.SearchedBytes ?? 0;

    /// <summary>Scans the memory for the first time.</summary>
    /// <param name="type">The type of the numbers.</param>
    /// <param name="condition">Which numbers; null: all numbers.</param>
    /// <param name="alignment">They begin at multiples of this; null: at multiples of their size.</param>
    /// <exception cref="ArgumentException">Numbers of the type cannot be compared; the alignment is not valid.</exception>
    /// <exception cref="MemProcException">
    /// ScanMemory: ENOMEM when the scan would hold too much memory, ESRCH when the process exits meanwhile. Others as for
    /// a search.
    /// </exception>
    public MemoryScan Start(MemoryValueType type, ValueCondition? condition, int? alignment = null)
    {
        ValuePattern pattern = Pattern(type, condition, alignment);
        ScanLayout layout = new(pattern.MaxMatchLength, pattern.Alignment);
        _pass = new SearchPass(process, Range, pattern, context: 0, cancellation)
        {
            Workers = Workers,
            Progress = Progress,
        };
        List<ScanBlock> blocks = [];
        ulong maxHeld = HeldLimit(), held = 0;
        if (condition is null)
        {
            CheckEstimate(maxHeld, _pass.ReadsClosed);
        }

        foreach (SearchChunk chunk in _pass.Run((chunk, _) => AddCandidates(chunk, pattern, layout, condition is null)))
        {
            foreach (ScanBlock block in chunk.Candidates)
            {
                blocks.Add(block);
                held += (ulong)block.HeldBytes;
            }

            ThrowIfTooLarge(held, maxHeld);
        }

        process.ThrowIfExited(Operation.ScanMemory);
        return new MemoryScan(process.Identity, type, layout, blocks, rounds: 1, lost: 0);
    }

    /// <summary>Refuses what <see cref="Start"/> would refuse, before anything is read.</summary>
    /// <inheritdoc cref="Start" path="/param"/>
    /// <exception cref="ArgumentException">Numbers of the type cannot be compared; the alignment is not valid.</exception>
    public static void Validate(MemoryValueType type, ValueCondition? condition, int? alignment) =>
        Pattern(type, condition, alignment);

    /// <summary>
    /// Reads the candidates again. They are read whether they are resident or not: a page that was swapped out is read
    /// back.
    /// </summary>
    /// <param name="scan">The scan, which stays as it is.</param>
    /// <param name="test">Which candidates stay.</param>
    /// <returns>A scan of the candidates that stay, with their present values.</returns>
    /// <exception cref="MemProcException">
    /// ScanMemory: ENOMEM when the new scan would hold too much memory beside the old one. ScanMemory, ReadMemory: ESRCH
    /// when the process exits meanwhile.
    /// </exception>
    public MemoryScan Narrow(MemoryScan scan, ScanTest test)
    {
        ScanJob[] jobs = [.. ScanJob.Divide(scan.Blocks, scan.Layout)];
        MemoryReader reader = new(process, Range.Method, cancellation) { AllowUserfault = Range.AllowUserfault };
        ulong done = 0, bytes = 0, lost = 0, held = 0, maxHeld = HeldLimit();
        ParallelForEach<ScanJob, ScanBuffers> narrowing = new(jobs, _ => new ScanBuffers(reader), cancellation)
        {
            Workers = Workers,
        };
        foreach (ScanJob job in narrowing.Stream<ScanJob>((job, buffers, add) =>
        {
            reader.Abandonable(() => job.Run(buffers, test));
            add(job);
        }))
        {
            lost += job.Lost;
            held += job.NewBytes;
            ThrowIfTooLarge(held, maxHeld);
            bytes += job.ReadBytes;
            Progress?.Invoke(new SearchProgress(bytes, ++done, (ulong)jobs.Length));
        }

        process.ThrowIfExited(Operation.ScanMemory);
        List<ScanBlock> blocks = [.. jobs.SelectMany(job => job.Remaining)];
        return new MemoryScan(process.Identity, scan.Type, scan.Layout, blocks, scan.Rounds + 1, lost);
    }

    /// <summary>Returns the pattern that finds candidates; without a condition only its size and alignment count.</summary>
    private static ValuePattern Pattern(MemoryValueType type, ValueCondition? condition, int? alignment) =>
        new(condition ?? ValueCondition.EqualTo(type, 0), alignment);

    /// <summary>Adds the candidates in a piece to it. Returns whether there are any.</summary>
    private static bool AddCandidates(SearchChunk chunk, ValuePattern pattern, in ScanLayout layout, bool all)
    {
        FoundMatch[] found = all ? [] : new FoundMatch[1024];
        // One for each worker; all bits are clear again after each piece.
        ulong[] bits = all ? [] : _bits ??= new ulong[chunk.Buffer.Length / 64 + 1];
        foreach (SearchWindow window in chunk.Windows)
        {
            int first = pattern.Align(window, window.From);
            // Slots that begin between From and To, and end in the window.
            int slots = Math.Min(layout.SlotsIn(window.End - first),
                (window.To - first + layout.Alignment - 1) / layout.Alignment);
            if (slots <= 0)
            {
                continue;
            }

            ReadOnlySpan<byte> bytes = chunk.Buffer.AsSpan(first, layout.Length(slots));
            if (all)
            {
                ScanBlock.AddAll(chunk.Candidates, layout, window.AddressOf(first), bytes, slots);
                continue;
            }

            bool any = false;
            for (int next = first; next < window.To;)
            {
                int count = pattern.Find(chunk, window, ref next, found);
                any |= count > 0;
                foreach (FoundMatch match in found.AsSpan(0, count))
                {
                    int slot = (match.Offset - first) / layout.Alignment;
                    bits[slot / 64] |= 1UL << (slot % 64);
                }
            }

            if (any)
            {
                ScanBlock.AddSome(chunk.Candidates, layout, window.AddressOf(first), bytes, slots, bits);
                Array.Clear(bits, 0, (slots + 63) / 64);
            }
        }

        return chunk.Candidates.Count > 0;
    }

    private ulong HeldLimit() => MaxHeldBytes ?? AvailableMemory.Bytes(process.Files) / 2;

    /// <summary>Reports how much a scan for all numbers can hold, and refuses what does not fit.</summary>
    private void CheckEstimate(ulong maxHeld, bool readsClosed)
    {
        ulong estimate = Estimate(readsClosed);
        Estimated?.Invoke(estimate);
        if (estimate > maxHeld && !Force)
        {
            throw new MemProcException(Operation.ScanMemory, Errno.ENOMEM,
                $"Process {process.Identity}: a scan for all numbers can hold up to {HumanSize.Format(estimate)}, more than "
                + $"{HumanSize.Format(maxHeld)}, half of the available memory. Give a value, scan a part of the process's "
                + "memory, or use Force: where most numbers are equal, the scan holds less.", process.Id);
        }
    }

    /// <summary>Returns how many bytes are scanned: a copy of them is the most that a scan for all numbers holds.</summary>
    private ulong Estimate(bool readsClosed)
    {
        PopulatedPages? pages = process is LinuxProcess live ? new(live, cancellation) : null;
        AddressRange range = new(Range.Start, Range.End);
        ulong bytes = 0;
        foreach (ProcMap map in Range.Maps(process, cancellation).Where(map => map.IsReadable || readsClosed))
        {
            AddressRange part = new AddressRange(map.Start, map.End).Clip(range);
            if (Range.IncludeNotResident && map.Inode != 0)
            {
                bytes += part.SizeBytes;
                continue;
            }

            if (process is CoreFile core)
            {
                core.Memory.StoredRanges(part.Start, part.End).ToList().ForEach(saved => bytes += saved.SizeBytes);
                continue;
            }

            foreach (PageMapRange found in pages!.Of(map, part))
            {
                foreach (ulong entry in found.Entries.Span)
                {
                    RawPageMapEntry page = new(entry);
                    bytes += page.IsPresent || (Range.IncludeNotResident && page.IsSwapped) ? MachinePage.SizeBytes : 0;
                }
            }
        }

        return bytes;
    }

    private void ThrowIfTooLarge(ulong held, ulong maxHeld)
    {
        if (held > maxHeld)
        {
            throw new MemProcException(Operation.ScanMemory, Errno.ENOMEM,
                $"Process {process.Identity}: the scan would hold more than {HumanSize.Format(maxHeld)}, too much of "
                + "the available memory. Give a value, or scan a part of the process's memory.", process.Id);
        }
    }
}

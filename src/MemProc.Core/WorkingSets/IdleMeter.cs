namespace MemProc;

/// <summary>
/// Measures by the idle bitmap: marks the frames of all processes at once, and checks at the end which are still idle.
/// </summary>
internal sealed class IdleMeter : WorkingSetMeter
{
    private readonly IdleTracker _idle;
    private readonly CancellationToken _cancellation;

    /// <summary>The first frames of folios that can be marked.</summary>
    private readonly FrameSet _heads = new();

    /// <summary>Frames that were present at the start and could not be marked.</summary>
    private readonly FrameSet _untracked = new();

    public IdleMeter(KernelFiles? files, CancellationToken cancellation)
    {
        _idle = new IdleTracker(Operation.MeasureWorkingSet, files);
        _cancellation = cancellation;
    }

    public override WorkingSetMethod Method => WorkingSetMethod.Idle;

    public override void Add(LinuxProcess process)
    {
        PresentFrames frames = new(process, Operation.MeasureWorkingSet, _cancellation);
        foreach (ReadOnlyMemory<ulong> chunk in frames.All())
        {
            Add(chunk.Span);
        }
    }

    private protected override void Begin()
    {
        foreach (ReadOnlyMemory<ulong> chunk in _heads.Chunks())
        {
            _cancellation.ThrowIfCancellationRequested();
            _idle.Bitmap.Mark(chunk.Span);
        }
    }

    private protected override IEnumerable<WorkingSet> Read(LinuxProcess process, double seconds)
    {
        PresentFrames frames = new(process, Operation.MeasureWorkingSet, _cancellation);
        foreach ((ProcMap map, IEnumerable<ReadOnlyMemory<ulong>> chunks) in frames.ByMap())
        {
            PageTally tally = default;
            foreach (ReadOnlyMemory<ulong> chunk in chunks)
            {
                tally.Present += (ulong)chunk.Length;
                Count(chunk.Span, frames.Exclusive, ref tally);
            }

            yield return new WorkingSet(map, Method, seconds)
            {
                RssBytes = tally.Present * MachinePage.SizeBytes,
                UssBytes = tally.Private * MachinePage.SizeBytes,
                ReferencedBytes = tally.Referenced * MachinePage.SizeBytes,
                PrivateReferencedBytes = tally.PrivateReferenced * MachinePage.SizeBytes,
                SharedReferencedBytes = (tally.Referenced - tally.PrivateReferenced) * MachinePage.SizeBytes,
                UntrackedBytes = tally.Untracked * MachinePage.SizeBytes,
            };
        }
    }

    private protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _idle.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Add(ReadOnlySpan<ulong> pfns)
    {
        FrameFolio?[] folios = _idle.Folios.Find(pfns);
        for (int index = 0; index < pfns.Length; index++)
        {
            if (folios[index] is { IsOnLru: true } folio)
            {
                _heads.Add(folio.HeadPfn);
            }
            else
            {
                _untracked.Add(pfns[index]);
            }
        }
    }

    /// <summary>
    /// Counts the pages that are not idle: a marked page was touched since the start, and a new page when it came into
    /// memory. A page that could not be marked is untracked.
    /// </summary>
    private void Count(ReadOnlySpan<ulong> pfns, ReadOnlySpan<bool> exclusive, ref PageTally tally)
    {
        FrameFolio?[] folios = _idle.Folios.Find(pfns);
        ulong[] heads = [.. folios.OfType<FrameFolio>().Select(folio => folio.HeadPfn).Distinct().Order()];
        bool[] idle = new bool[heads.Length];
        _idle.Bitmap.Read(heads, idle);
        for (int index = 0; index < pfns.Length; index++)
        {
            tally.Private += exclusive[index] ? 1UL : 0;
            if (folios[index] is FrameFolio folio && idle[Array.BinarySearch(heads, folio.HeadPfn)])
            {
                continue;
            }

            bool isUntracked = folios[index] is null || _untracked.Contains(pfns[index]);
            tally.Untracked += isUntracked ? 1UL : 0;
            tally.Referenced += isUntracked ? 0 : 1UL;
            tally.PrivateReferenced += !isUntracked && exclusive[index] ? 1UL : 0;
        }
    }

    /// <summary>Numbers of pages of a mapping.</summary>
    private record struct PageTally(
        ulong Present, ulong Private, ulong Referenced, ulong PrivateReferenced, ulong Untracked);
}

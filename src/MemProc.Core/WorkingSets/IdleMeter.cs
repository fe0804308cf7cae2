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
            ulong present = 0, referenced = 0, untracked = 0;
            foreach (ReadOnlyMemory<ulong> chunk in chunks)
            {
                present += (ulong)chunk.Length;
                Count(chunk.Span, ref referenced, ref untracked);
            }

            yield return new WorkingSet(map, Method, seconds, present * MachinePage.SizeBytes,
                referenced * MachinePage.SizeBytes, untracked * MachinePage.SizeBytes);
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
    private void Count(ReadOnlySpan<ulong> pfns, ref ulong referenced, ref ulong untracked)
    {
        FrameFolio?[] folios = _idle.Folios.Find(pfns);
        ulong[] heads = [.. folios.OfType<FrameFolio>().Select(folio => folio.HeadPfn).Distinct().Order()];
        bool[] idle = new bool[heads.Length];
        _idle.Bitmap.Read(heads, idle);
        for (int index = 0; index < pfns.Length; index++)
        {
            if (folios[index] is FrameFolio folio && idle[Array.BinarySearch(heads, folio.HeadPfn)])
            {
                continue;
            }

            bool isUntracked = folios[index] is null || _untracked.Contains(pfns[index]);
            untracked += isUntracked ? 1UL : 0;
            referenced += isUntracked ? 0 : 1UL;
        }
    }
}

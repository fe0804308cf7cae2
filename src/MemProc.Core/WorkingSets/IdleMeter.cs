namespace MemProc;

/// <summary>
/// Measures by the idle bitmap: marks the frames of all processes in one go, and asks in the end which are idle still.
/// </summary>
internal sealed class IdleMeter : WorkingSetMeter
{
    private readonly IdleFrames _idle;
    private readonly CancellationToken _cancellation;

    /// <summary>The first frames of folios that can be marked.</summary>
    private readonly FrameSet _heads = new();

    /// <summary>Frames, not only first ones, that were there at the start and could not be marked.</summary>
    private readonly FrameSet _untracked = new();

    public IdleMeter(KernelFiles? files, CancellationToken cancellation)
    {
        _idle = new IdleFrames(Operation.MeasureWorkingSet, files);
        _cancellation = cancellation;
    }

    public override WorkingSetMethod Method => WorkingSetMethod.Idle;

    public override void Add(LinuxProcess process)
    {
        PresentFrames frames = new(process, Operation.MeasureWorkingSet, _cancellation);
        foreach (ReadOnlyMemory<ulong> piece in frames.In(MapReader.Read(process, _cancellation)))
        {
            Add(piece.Span);
        }

        process.ThrowIfExited(Operation.MeasureWorkingSet);
    }

    private protected override void Begin()
    {
        foreach (ReadOnlyMemory<ulong> piece in _heads.Pieces())
        {
            _cancellation.ThrowIfCancellationRequested();
            _idle.Bitmap.Mark(piece.Span);
        }
    }

    private protected override IEnumerable<WorkingSet> Read(LinuxProcess process, double seconds)
    {
        PresentFrames frames = new(process, Operation.MeasureWorkingSet, _cancellation);
        foreach (ProcMap map in MapReader.Read(process, _cancellation))
        {
            ulong present = 0, referenced = 0, untracked = 0;
            foreach (ReadOnlyMemory<ulong> piece in frames.In([map]))
            {
                present += (ulong)piece.Length;
                Count(piece.Span, ref referenced, ref untracked);
            }

            yield return new WorkingSet(map, Method, seconds, present * MachinePage.SizeBytes,
                referenced * MachinePage.SizeBytes, untracked * MachinePage.SizeBytes);
        }

        process.ThrowIfExited(Operation.MeasureWorkingSet);
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
    /// A page that is not idle was touched: since the start if it was marked, and by coming into memory if it is new.
    /// What could not be marked is neither.
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

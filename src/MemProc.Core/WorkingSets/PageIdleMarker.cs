namespace MemProc;

/// <summary>
/// Marks pages as idle and asks the kernel at once which of them are. Setting the mark does not flush the processors'
/// caches of translations: a page that is touched right after can stay idle for the kernel.
/// </summary>
public sealed class PageIdleMarker : IDisposable
{
    private readonly IdleFrames _idle;
    private readonly CancellationToken _cancellation;

    /// <summary>Opens what it takes.</summary>
    /// <param name="files">Where procfs and sysfs are.</param>
    /// <param name="cancellation">Stops the marking.</param>
    /// <exception cref="MemProcException">
    /// MarkIdle: ENOENT where the kernel has no idle bitmap, EACCES without root. ReadPageFlags: no frame tables.
    /// </exception>
    public PageIdleMarker(KernelFiles? files = null, CancellationToken cancellation = default)
    {
        _idle = new IdleFrames(Operation.MarkIdle, files);
        _cancellation = cancellation;
    }

    /// <summary>Marks every page of a process that is in memory.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// The process cannot be read, or exits meanwhile; EPERM where the kernel hides the frame numbers.
    /// </exception>
    public PageIdleMark Mark(LinuxProcess process)
    {
        PageIdleMark mark = new(process.Identity, null, null, null);
        return Mark(process, MapReader.Read(process, _cancellation), 0, ulong.MaxValue, mark);
    }

    /// <summary>Marks the pages of a range that are in memory.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">First address; its whole page counts.</param>
    /// <param name="length">Bytes, at least 1; the last byte's whole page counts.</param>
    /// <exception cref="MemProcException">
    /// As for <see cref="Mark(LinuxProcess)"/>; FindMap, ENOENT: nothing is mapped in the range.
    /// </exception>
    public PageIdleMark Mark(LinuxProcess process, ulong address, ulong length)
    {
        ulong start = MachinePage.Floor(address);
        ulong end = MachinePage.Ceiling(UserRange.End(address, length, Operation.MarkIdle));
        ProcMap[] maps = [.. MapReader.Between(process, start, end)];
        return maps.Length == 0
            ? throw MapReader.NotMapped(process, address)
            : Mark(process, maps, start, end, new PageIdleMark(process.Identity, start, end - start, null));
    }

    /// <summary>Marks frames, whoever has them.</summary>
    /// <param name="range">Which frames.</param>
    /// <exception cref="MemProcException">ReadPageFlags, EINVAL: there are not so many frames.</exception>
    public PageIdleMark Mark(PfnRange range)
    {
        (ulong first, ulong count) = range;
        ulong last = first + (count - 1);
        if (last < first || _idle.Tables.Read([last], raw: true)[0] is null)
        {
            throw FrameTables.Beyond(last < first ? ulong.MaxValue : last);
        }

        PageIdleMark mark = new(null, null, null, first);
        ulong[] pfns = new ulong[FrameSet.BlockFrames];
        for (ulong done = 0; done < count;)
        {
            _cancellation.ThrowIfCancellationRequested();
            // Pieces end where a word of the bitmap does, so that none is written twice.
            int size = (int)Math.Min(count - done, (ulong)pfns.Length - (first + done) % IdleBitmap.WordFrames);
            for (int index = 0; index < size; index++)
            {
                pfns[index] = first + done + (ulong)index;
            }

            Mark(pfns.AsSpan(0, size), mark);
            done += (ulong)size;
        }

        return mark;
    }

    /// <inheritdoc/>
    public void Dispose() => _idle.Dispose();

    private PageIdleMark Mark(
        LinuxProcess process, IEnumerable<ProcMap> maps, ulong start, ulong end, PageIdleMark mark)
    {
        PresentFrames frames = new(process, Operation.MarkIdle, _cancellation);
        foreach (ReadOnlyMemory<ulong> piece in frames.In(maps, start, end))
        {
            Mark(piece.Span, mark);
        }

        process.ThrowIfExited(Operation.MarkIdle);
        return mark;
    }

    private void Mark(ReadOnlySpan<ulong> pfns, PageIdleMark mark)
    {
        FrameFolio?[] folios = _idle.Folios.Find(pfns);
        ulong[] heads =
        [
            .. folios.OfType<FrameFolio>().Where(folio => folio.IsOnLru).Select(folio => folio.HeadPfn)
                .Distinct().Order(),
        ];
        bool[] idle = new bool[heads.Length];
        _idle.Bitmap.Mark(heads);
        _idle.Bitmap.Read(heads, idle);
        foreach (FrameFolio? folio in folios)
        {
            bool isMarkable = folio is { IsOnLru: true };
            mark.Count(isMarkable, isMarkable && idle[Array.BinarySearch(heads, folio!.Value.HeadPfn)]);
        }
    }
}

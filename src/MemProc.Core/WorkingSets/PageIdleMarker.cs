namespace MemProc;

/// <summary>
/// Marks pages as idle and reads back at once which of them are. Setting the mark does not flush the TLBs: a page that
/// is touched directly afterwards can stay idle for the kernel.
/// </summary>
public sealed class PageIdleMarker : IDisposable
{
    private readonly IdleTracker _idle;
    private readonly CancellationToken _cancellation;

    /// <summary>Opens the idle bitmap and the frame tables.</summary>
    /// <param name="files">Where procfs and sysfs are.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="MemProcException">
    /// MarkIdle: ENOENT where the kernel has no idle bitmap, EACCES without root. ReadPageFlags: no frame tables.
    /// </exception>
    public PageIdleMarker(KernelFiles? files = null, CancellationToken cancellation = default)
    {
        _idle = new IdleTracker(Operation.MarkIdle, files);
        _cancellation = cancellation;
    }

    /// <summary>Marks all pages of a process that are in memory.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// The process cannot be read, or exits meanwhile; EPERM where the kernel hides the frame numbers.
    /// </exception>
    public PageIdleMark Mark(LinuxProcess process)
    {
        PageIdleMark mark = new(process.Identity, null, null, null);
        return Mark(new PresentFrames(process, Operation.MarkIdle, _cancellation).All(), mark);
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
        AddressRange range = new AddressRange(address, UserRange.End(address, length, Operation.MarkIdle)).Pages;
        ProcMap[] maps = [.. MapReader.Between(process, range.Start, range.End, _cancellation)];
        return maps.Length == 0
            ? throw MapReader.NotMapped(process, address)
            : Mark(new PresentFrames(process, Operation.MarkIdle, _cancellation).In(maps, range),
                new PageIdleMark(process.Identity, range.Start, range.SizeBytes, null));
    }

    /// <summary>Marks frames, whatever they are used for.</summary>
    /// <param name="range">Which frames.</param>
    /// <exception cref="MemProcException">ReadPageFlags, EINVAL: the machine does not have all of the frames.</exception>
    public PageIdleMark Mark(PfnRange range)
    {
        (ulong first, ulong count) = range;
        ulong last = first + (count - 1);
        if (last < first || _idle.Tables.Read([last], raw: true)[0] is null)
        {
            throw FrameTables.OutOfRange(last < first ? ulong.MaxValue : last);
        }

        PageIdleMark mark = new(null, null, null, first);
        ulong[] pfns = new ulong[FrameSet.BlockFrames];
        for (ulong done = 0; done < count;)
        {
            _cancellation.ThrowIfCancellationRequested();
            // Chunks end where a word of the bitmap does, so that none is written twice.
            int size = (int)Math.Min(count - done, (ulong)pfns.Length - (first + done) % IdleBitmap.FramesPerWord);
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

    private PageIdleMark Mark(IEnumerable<ReadOnlyMemory<ulong>> chunks, PageIdleMark mark)
    {
        foreach (ReadOnlyMemory<ulong> chunk in chunks)
        {
            Mark(chunk.Span, mark);
        }

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

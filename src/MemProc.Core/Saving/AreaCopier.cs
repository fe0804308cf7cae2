using MemProc.Interop;

namespace MemProc;

/// <summary>Copies areas of a process' memory to a dump, as far as a dump has to hold them.</summary>
/// <param name="process">The process.</param>
/// <param name="classifier">Decides which pages are read.</param>
/// <param name="writer">Receives the memory.</param>
/// <param name="allowUserfault">See <see cref="MemoryReader.AllowUserfault"/>.</param>
/// <param name="progress">Called with the number of bytes read so far.</param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class AreaCopier(
    LinuxProcess process, PageClassifier classifier, DumpWriter writer, bool allowUserfault, Action<ulong> progress,
    CancellationToken cancellation)
{
    private readonly MapMemoryReader _reader = new(process, cancellation, allowUserfault);
    private readonly MemoryCopier _copier = new(writer, progress);

    /// <summary>Bytes saved, without pages of zeros.</summary>
    public ulong SavedBytes => _copier.WrittenBytes;

    /// <summary>What is missing, in address order.</summary>
    public MemoryGap[] Gaps => _copier.Gaps;

    /// <summary>Copies an area.</summary>
    /// <exception cref="MemProcException">
    /// ReadMemory, ReadPageMap: EACCES, EPERM without ptrace access; ESRCH where the process exits.
    /// </exception>
    public void Copy(SavedArea area)
    {
        writer.Begin(area);
        MemoryReader reader = _reader.Of(area.Map);
        foreach (DumpRange pages in classifier.Classify(area))
        {
            switch (pages.Kind)
            {
                case DumpRangeKind.Read:
                    _copier.Copy(reader, pages.Start, pages.End);
                    break;
                case DumpRangeKind.Zero:
                    writer.WriteZeros(pages.Start, pages.Length);
                    break;
                default:
                    _copier.AddGap(new MemoryGap(pages.Start, pages.Length, KindOf(pages.Kind), ErrnoOf(pages.Kind)));
                    break;
            }
        }

        writer.End();
    }

    private static MemoryGapKind KindOf(DumpRangeKind kind) => kind switch
    {
        DumpRangeKind.NotResident => MemoryGapKind.NotResident,
        DumpRangeKind.LeftOut => MemoryGapKind.LeftOut,
        DumpRangeKind.Userfault => MemoryGapKind.Userfault,
        _ => MemoryGapKind.Unreadable,
    };

    private static Errno ErrnoOf(DumpRangeKind kind) =>
        kind == DumpRangeKind.Guard ? Errno.EFAULT : Errno.None;
}

/// <summary>What a dump does with a range of pages.</summary>
internal enum DumpRangeKind
{
    /// <summary>Read them.</summary>
    Read,
    /// <summary>They were never touched and hold zeros; reading them would make the process larger.</summary>
    Zero,
    /// <summary>They are not in memory, and were not requested.</summary>
    NotResident,
    /// <summary>They are missing until a handler supplies them, and were not requested.</summary>
    Userfault,
    /// <summary>A guard region, which cannot be read.</summary>
    Guard,
    /// <summary>Left out as a whole.</summary>
    LeftOut,
}

/// <summary>Consecutive pages that a dump treats alike.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">First address after the range.</param>
/// <param name="Kind">What a dump does with them.</param>
internal readonly record struct DumpRange(ulong Start, ulong End, DumpRangeKind Kind)
{
    /// <summary>Length in bytes.</summary>
    public ulong Length => End - Start;
}

using MemProc.Interop;

namespace MemProc;

/// <summary>The frames behind a process' pages, in pieces.</summary>
/// <param name="process">The process.</param>
/// <param name="operation">What they are wanted for.</param>
/// <param name="cancellation">Stops the reading.</param>
internal sealed class PresentFrames(LinuxProcess process, Operation operation, CancellationToken cancellation)
{
    private readonly PageMapReader _reader = new(process, cancellation);
    private readonly ulong[] _frames = new ulong[FrameSet.BlockFrames];

    /// <summary>The frames of present pages, by address; the memory is used again for the next piece.</summary>
    /// <param name="maps">The mappings.</param>
    /// <param name="start">Pages from this address on, page-aligned.</param>
    /// <param name="end">Pages below this address, page-aligned.</param>
    /// <exception cref="MemProcException">
    /// ReadPageMap failed; EPERM where the kernel hides the frame numbers.
    /// </exception>
    public IEnumerable<ReadOnlyMemory<ulong>> In(
        IEnumerable<ProcMap> maps, ulong start = 0, ulong end = ulong.MaxValue)
    {
        int count = 0;
        // The page of old system calls is in the list of mappings, but in no page table of the process.
        foreach (ProcMap map in maps.Where(map => map.Kind != ProcMapKind.Vsyscall))
        {
            foreach (PageMapStretch stretch in _reader.ReadPopulated(
                Math.Max(map.Start, start), Math.Min(map.End, end)))
            {
                for (int index = 0; index < stretch.Words.Length; index++)
                {
                    PageMapWord word = new(stretch.Words.Span[index]);
                    if (!word.IsPresent)
                    {
                        continue;
                    }

                    _frames[count++] = word.IsPfnHidden ? throw Hidden() : word.Pfn;
                    if (count == _frames.Length)
                    {
                        yield return _frames;
                        count = 0;
                    }
                }
            }
        }

        if (count > 0)
        {
            yield return _frames.AsMemory(0, count);
        }
    }

    private MemProcException Hidden() => new(operation, Errno.EPERM,
        $"Process {process.Identity}: the kernel hides the frame numbers of its pages from this user, and pages are "
        + "marked by frame: it takes CAP_SYS_ADMIN (run as root).", process.Id);
}

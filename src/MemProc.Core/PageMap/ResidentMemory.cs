using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Which of a process' memory its page table maps now. Reading that lets no page in, so that the process is the same
/// afterwards; what is swapped out, was never touched or is only in the page cache is left out.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the reading.</param>
public sealed class ResidentMemory(LinuxProcess process, CancellationToken cancellation = default)
{
    private readonly PageMapReader _reader = new(process, cancellation);

    /// <summary>
    /// The stretches in memory, in address order, the largest possible ones: they go on from one mapping to the next.
    /// </summary>
    /// <param name="start">First address.</param>
    /// <param name="end">First address behind the range.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps, ReadPageMap: EACCES without ptrace access; ESRCH where the process exits meanwhile.
    /// </exception>
    public IEnumerable<ResidentRange> Ranges(ulong start, ulong end)
    {
        ResidentRange open = default;
        foreach (ProcMap map in MapReader.Between(process, start, end))
        {
            // The page of old system calls is in no page table of the process.
            if (map.Kind == ProcMapKind.Vsyscall)
            {
                continue;
            }

            ulong from = Math.Max(map.Start, MachinePage.Floor(start));
            ulong to = Math.Min(map.End, MachinePage.Ceiling(end));
            foreach (PageMapStretch stretch in _reader.ReadPopulated(from, to))
            {
                for (int index = 0; NextRun(stretch, ref index) is ResidentRange run;)
                {
                    if (run.Start == open.End)
                    {
                        open = open with { End = run.End };
                        continue;
                    }

                    if (open.End > 0)
                    {
                        yield return open;
                    }

                    open = run;
                }
            }
        }

        if (open.End > 0)
        {
            yield return open;
        }
    }

    private static ResidentRange? NextRun(PageMapStretch stretch, ref int index)
    {
        ReadOnlySpan<ulong> words = stretch.Words.Span;
        while (index < words.Length && !new PageMapWord(words[index]).IsPresent)
        {
            index++;
        }

        int first = index;
        while (index < words.Length && new PageMapWord(words[index]).IsPresent)
        {
            index++;
        }

        return index == first
            ? null
            : new ResidentRange(stretch.Address + (ulong)first * MachinePage.SizeBytes,
                stretch.Address + (ulong)index * MachinePage.SizeBytes);
    }
}

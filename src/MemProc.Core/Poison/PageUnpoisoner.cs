using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Gives poisoned frames back to the kernel, which hands them out again. A process that had the page does not get it
/// back. In two steps: <see cref="Prepare"/> checks, so that a person can judge; <see cref="Clear"/> does it.
/// </summary>
/// <param name="files">Where procfs and debugfs are.</param>
/// <param name="cancellation">Stops the checks.</param>
/// <exception cref="MemProcException">
/// UnpoisonPage: ENOENT where the kernel lacks the injector or debugfs is not mounted; EACCES without root.
/// </exception>
public class PageUnpoisoner(KernelFiles? files = null, CancellationToken cancellation = default)
    : PoisonWork(Operation.UnpoisonPage, "unpoison-pfn", files)
{
    /// <summary>Checks that a frame is poisoned, and that it was a page of the process.</summary>
    /// <param name="process">The process that had the page; null: whoever had it, which must be forced.</param>
    /// <param name="pfn">The frame.</param>
    /// <param name="force">Also a frame of which the process has no trace.</param>
    /// <exception cref="MemProcException">
    /// UnpoisonPage, EINVAL: the frame is not poisoned; or the process has no trace of it, or none was given.
    /// </exception>
    public PoisonPlan Prepare(LinuxProcess? process, ulong pfn, bool force)
    {
        PageFlags frame = Frame(pfn);
        if (!IsPoisoned(pfn))
        {
            throw Refused(Errno.EINVAL, pfn, "it is not poisoned");
        }

        (ProcMap Map, ulong Address)? trace = process is null ? null : FindTrace(process, pfn);
        if (trace is null && !force)
        {
            throw Refused(Errno.EINVAL, pfn, process is null
                ? "no process is given whose page it must have been, and only a forced call does without"
                : $"process {process.Identity} has no trace of it, as of a page of a file that was read again; only a "
                    + "forced call gives it back all the same");
        }

        return new PoisonPlan(process, trace?.Map, trace?.Address, frame);
    }

    /// <summary>Gives a frame back, and asks the kernel whether it is poisoned still.</summary>
    /// <param name="plan">What <see cref="Prepare"/> returned.</param>
    /// <exception cref="MemProcException">
    /// UnpoisonPage: EIO where the kernel took the frame number and did nothing; or why the kernel refused.
    /// </exception>
    public PagePoison Clear(PoisonPlan plan)
    {
        Write(plan.Pfn);
        return !IsPoisoned(plan.Pfn)
            ? new PagePoison(plan, isPoisoned: false)
            : throw new MemProcException(Operation, Errno.EIO,
                $"The kernel took frame 0x{plan.Pfn:x} without an error, and it is poisoned still.", plan.Pfn);
    }

    /// <summary>
    /// The page that was in a frame when it was poisoned: its entry looks like one of swap, of a kind behind all swap
    /// areas, with the frame number as its slot.
    /// </summary>
    private (ProcMap Map, ulong Address)? FindTrace(LinuxProcess process, ulong pfn)
    {
        PageMapReader reader = new(process, cancellation);
        foreach (ProcMap map in MapReader.Read(process, cancellation).Where(map => map.Kind != ProcMapKind.Vsyscall))
        {
            foreach (PageMapStretch stretch in reader.ReadPopulated(map.Start, map.End))
            {
                for (int index = 0; index < stretch.Words.Length; index++)
                {
                    if (new PageMapWord(stretch.Words.Span[index]) is { IsSwapped: true } word && word.SwapOffset == pfn)
                    {
                        return (map, stretch.Address + (ulong)index * MachinePage.SizeBytes);
                    }
                }
            }
        }

        process.ThrowIfExited(Operation);
        return null;
    }
}

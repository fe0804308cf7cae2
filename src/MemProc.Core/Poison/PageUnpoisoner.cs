using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Returns poisoned frames to the kernel, which uses them again. A process that had the page does not get it back. In
/// two steps: <see cref="Prepare"/> checks, so that the user can decide; <see cref="Clear"/> does it.
/// </summary>
/// <param name="files">Where procfs and debugfs are.</param>
/// <param name="cancellation">Stops the checks.</param>
/// <exception cref="MemProcException">
/// UnpoisonPage: ENOENT where the kernel lacks the injector or debugfs is not mounted; EACCES without root.
/// </exception>
public class PageUnpoisoner(KernelFiles? files = null, CancellationToken cancellation = default)
    : PoisonerBase(Operation.UnpoisonPage, "unpoison-pfn", files)
{
    /// <summary>Checks that a frame is poisoned, and that it held a page of the process.</summary>
    /// <param name="process">The process that had the page; null: any, which requires <paramref name="force"/>.</param>
    /// <param name="pfn">The frame.</param>
    /// <param name="force">Accept a frame of which the process has no trace.</param>
    /// <exception cref="MemProcException">
    /// UnpoisonPage, EINVAL: the frame is not poisoned; the process has no trace of it; or no process was given.
    /// </exception>
    public PlannedPoison Prepare(LinuxProcess? process, ulong pfn, bool force)
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
                ? "without a process whose page it was, this must be forced"
                : $"process {process.Identity} has no trace of it{WhyNoTrace(frame)}; without a trace, this must be forced",
                canBeForced: true);
        }

        return new PlannedPoison(process, trace?.Map, trace?.Address, frame);
    }

    /// <summary>Returns a frame to the kernel, and checks that it is no longer poisoned.</summary>
    /// <param name="plan">What <see cref="Prepare"/> returned.</param>
    /// <exception cref="MemProcException">
    /// UnpoisonPage: EIO where the kernel accepted the frame number and did nothing; EBUSY where the frame is still in use;
    /// or another error of the kernel.
    /// </exception>
    public PagePoison Clear(PlannedPoison plan)
    {
        Errno errno = Write(plan.Pfn);
        if (errno != Errno.None)
        {
            throw WriteError(errno, plan.Pfn, Remains(errno, plan.Pfn));
        }

        return !IsPoisoned(plan.Pfn)
            ? new PagePoison(plan, isPoisoned: false)
            : throw new MemProcException(Operation, Errno.EIO,
                $"The kernel accepted frame 0x{plan.Pfn:x} without an error, but it is still poisoned.", plan.Pfn);
    }

    /// <summary>Returns why pagemap shows no trace of a poisoned frame.</summary>
    private string WhyNoTrace(PageFlags frame)
    {
        KernelPageFlagSet flags = new(HeadOf(frame.Pfn).RawFlags);
        return flags.IsHugeTlb ? ": pagemap shows poisoned pages of hugetlb as empty"
            : flags.IsAnonymous ? ", as after it has unmapped the page"
            : ", as after a page of a file was read again";
    }

    private string Remains(Errno errno, ulong pfn) => !IsPoisoned(pfn)
        ? "The frame is no longer poisoned."
        : errno switch
        {
            Errno.EBUSY => "The frame is still poisoned: the kernel releases only frames that nothing uses. It is still mapped, "
                + "or part of a file in memory (memfd, tmpfs). It can be released after the process has exited, or after that "
                + "part of the file was removed.",
            Errno.EOPNOTSUPP => "The frame is still poisoned: after a hardware memory error, and for some kinds of memory, the "
                + "kernel unpoisons no frame until it restarts.",
            _ => "The frame is still poisoned.",
        };

    /// <summary>
    /// Finds the page that was in a frame when it was poisoned: its entry looks like that of a page in swap, with a swap
    /// type after those of all swap areas, and the frame number as its slot.
    /// </summary>
    private (ProcMap Map, ulong Address)? FindTrace(LinuxProcess process, ulong pfn)
    {
        PopulatedPages walk = new(process, cancellation) { Operation = Operation };
        foreach ((ProcMap map, PageMapRange pages) in walk.In(AddressRange.All))
        {
            for (int index = 0; index < pages.Entries.Length; index++)
            {
                if (new RawPageMapEntry(pages.Entries.Span[index]) is { IsSwapped: true } page && page.SwapOffset == pfn)
                {
                    return (map, pages.Address + (ulong)index * MachinePage.SizeBytes);
                }
            }
        }

        return null;
    }
}

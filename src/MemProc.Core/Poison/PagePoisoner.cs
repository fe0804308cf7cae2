using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Poisons frames, as a memory error of the hardware would: the kernel takes the frame out of use, and a process that
/// touches the page is killed (SIGBUS), unless the kernel can read it again from its file. In two steps:
/// <see cref="Prepare"/> checks, so that a person can judge; <see cref="Poison"/> does it.
/// </summary>
/// <param name="files">Where procfs and debugfs are.</param>
/// <param name="cancellation">Stops the checks.</param>
/// <exception cref="MemProcException">
/// PoisonPage: ENOENT where the kernel lacks the injector or debugfs is not mounted; EACCES without root.
/// </exception>
public class PagePoisoner(KernelFiles? files = null, CancellationToken cancellation = default)
    : PoisonWork(Operation.PoisonPage, "corrupt-pfn", files)
{
    /// <summary>Checks that a frame is what the person means.</summary>
    /// <param name="process">The process that has the page; null: whoever has it, which must be forced.</param>
    /// <param name="address">An address in the page; null: where the process maps the frame.</param>
    /// <param name="pfn">The frame; null: the one at the address. With both, the page has to be in that frame.</param>
    /// <param name="force">Also a frame that the process does not map, or that others map too.</param>
    /// <exception cref="MemProcException">
    /// PoisonPage: EINVAL where the process does not map the frame, or none was given; EACCES where others map it too;
    /// ENOENT where the page is not in memory; EAGAIN where it is in another frame; EHWPOISON where it is poisoned
    /// already; EPERM where the kernel hides the frame numbers.
    /// </exception>
    public PoisonPlan Prepare(LinuxProcess? process, ulong? address, ulong? pfn, bool force)
    {
        PoisonPlan plan = process is null
            ? new PoisonPlan(null, null, null, Frame(Given(pfn)))
            : (address ?? FindAddress(process, Given(pfn))) is ulong at
            ? PlanPage(process, at, pfn)
            : new PoisonPlan(process, null, null, Frame(Given(pfn)));
        if (IsPoisoned(plan.Pfn))
        {
            throw Refused(Errno.EHWPOISON, plan.Pfn, "it is poisoned already");
        }

        return force ? plan : Owned(plan);
    }

    /// <summary>Poisons a frame, and asks the kernel whether it is.</summary>
    /// <param name="plan">What <see cref="Prepare"/> returned.</param>
    /// <exception cref="MemProcException">
    /// PoisonPage: EAGAIN where the page is in another frame by now; EIO where the kernel took the frame number and did
    /// nothing; or why the kernel refused.
    /// </exception>
    public PagePoison Poison(PoisonPlan plan)
    {
        if (plan is { Process: LinuxProcess process, Address: ulong address })
        {
            // A person may have thought it over for minutes.
            PlanPage(process, address, plan.Pfn);
        }

        Write(plan.Pfn);
        return IsPoisoned(plan.Pfn)
            ? new PagePoison(plan, isPoisoned: true)
            : throw new MemProcException(Operation, Errno.EIO,
                $"The kernel took frame 0x{plan.Pfn:x} without an error, and it is not poisoned: it is of a kind that "
                + "the kernel does not handle, or hwpoison/corrupt-filter-* leaves it out.", plan.Pfn);
    }

    private static ulong Given(ulong? pfn) =>
        pfn ?? throw new ArgumentException("Neither an address nor a frame was given.", nameof(pfn));

    private ulong? FindAddress(LinuxProcess process, ulong pfn) =>
        new PfnSearch([pfn]).In(process, cancellation).FirstOrDefault()?.Address;

    private PoisonPlan PlanPage(LinuxProcess process, ulong address, ulong? expected)
    {
        PageMapEntry page = new PageMapWalk(process, cancellation).At(MachinePage.Floor(address)).First();
        if (page.IsPfnHidden)
        {
            throw new MemProcException(Operation, Errno.EPERM,
                $"Process {process.Identity}: the kernel hides the frame of the page at 0x{address:x} from this user: it "
                + "takes CAP_SYS_ADMIN (run as root).", address);
        }

        ulong pfn = page.Pfn ?? throw new MemProcException(Operation, Errno.ENOENT,
            $"Process {process.Identity}: the page at 0x{address:x} is not in memory ({page.State}): there is no frame to "
            + "poison until the process touches it.", address);
        if (expected is ulong wanted && wanted != pfn)
        {
            throw Refused(Errno.EAGAIN, wanted,
                $"the page at 0x{address:x} of process {process.Identity} is in frame 0x{pfn:x} now");
        }

        ProcMap map = MapReader.Find(process, address) ?? throw MapReader.NotMapped(process, address);
        return new PoisonPlan(process, map, page.Address, Frame(pfn)) { IsShared = !page.IsExclusive };
    }

    private PoisonPlan Owned(PoisonPlan plan) => plan switch
    {
        { Process: null } => throw Refused(Errno.EINVAL, plan.Pfn,
            "no process is given whose page it must be, and only a forced call does without"),
        { Map: null } => throw Refused(Errno.EINVAL, plan.Pfn,
            $"process {plan.Process.Identity} does not map it, and only a forced call poisons it all the same"),
        { IsShared: true } => throw Refused(Errno.EACCES, plan.Pfn,
            $"the page at 0x{plan.Address:x} of process {plan.Process.Identity} is shared, its frame is mapped "
            + $"{plan.Frame.MapCount} times; only a forced call takes it from the others too"),
        _ => plan,
    };
}

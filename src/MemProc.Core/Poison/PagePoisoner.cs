using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Poisons frames, as a hardware memory error would: the kernel takes the frame out of use, and a process that touches
/// the page is killed (SIGBUS), unless the kernel can read it again from its file. In two steps: <see cref="Prepare"/>
/// checks, so that the user can decide; <see cref="Poison"/> does it.
/// </summary>
/// <param name="files">Where procfs and debugfs are.</param>
/// <param name="cancellation">Stops the checks.</param>
/// <exception cref="MemProcException">
/// PoisonPage: ENOENT where the kernel lacks the injector or debugfs is not mounted; EACCES without root.
/// </exception>
public class PagePoisoner(KernelFiles? files = null, CancellationToken cancellation = default)
    : PoisonerBase(Operation.PoisonPage, FileName, files)
{
    /// <summary>The injector's file.</summary>
    internal const string FileName = "corrupt-pfn";

    /// <summary>Checks that a frame is the one that the user means.</summary>
    /// <param name="process">The process that has the page; null: any, which requires <paramref name="force"/>.</param>
    /// <param name="address">An address in the page; null: where the process maps the frame.</param>
    /// <param name="pfn">The frame; null: the one at the address. With both, the page has to be in that frame.</param>
    /// <param name="force">Accept a frame that the process does not map, or that others map too.</param>
    /// <exception cref="MemProcException">
    /// PoisonPage: EINVAL where the process does not map the frame, or no process was given; EACCES where others map it
    /// too; ENOENT where the page is not in memory; EAGAIN where it is in another frame; EHWPOISON where it is already
    /// poisoned; EPERM where the kernel hides the frame numbers.
    /// </exception>
    public PlannedPoison Prepare(LinuxProcess? process, ulong? address, ulong? pfn, bool force)
    {
        PlannedPoison plan = process is null
            ? new PlannedPoison(null, null, null, Frame(RequirePfn(pfn)))
            : (address ?? FindAddress(process, RequirePfn(pfn))) is ulong at
            ? PlanPage(process, at, pfn)
            : new PlannedPoison(process, null, null, Frame(RequirePfn(pfn)));
        if (IsPoisoned(plan.Pfn))
        {
            throw Refused(Errno.EHWPOISON, plan.Pfn, "it is already poisoned");
        }

        return force ? plan : WithOwner(plan);
    }

    /// <summary>Poisons a frame, and checks that the kernel reports it as poisoned.</summary>
    /// <param name="plan">What <see cref="Prepare"/> returned.</param>
    /// <exception cref="MemProcException">
    /// PoisonPage: EAGAIN where the page is in another frame now; EIO where the kernel accepted the frame number and did
    /// nothing; or the kernel's error, with the state of the frame: the kernel marks some frames as poisoned and then fails
    /// to take them out of use.
    /// </exception>
    public PagePoison Poison(PlannedPoison plan)
    {
        if (plan is { Process: LinuxProcess process, Address: ulong address })
        {
            // The user may have taken minutes to decide.
            PlanPage(process, address, plan.Pfn);
        }

        Errno errno = Write(plan.Pfn);
        bool isPoisoned = IsPoisoned(plan.Pfn);
        if (errno != Errno.None)
        {
            throw WriteError(errno, plan.Pfn, isPoisoned
                ? "The frame is marked as poisoned now, but the kernel does not handle memory of its kind (see the kernel's "
                    + "log): what maps it can still use it. Clear-PagePoison -Force removes the mark."
                : "The frame is not poisoned." + (errno == Errno.EBUSY ? " The kernel is using the page; try again." : string.Empty));
        }

        return isPoisoned
            ? new PagePoison(plan, isPoisoned: true)
            : throw new MemProcException(Operation, Errno.EIO,
                $"The kernel accepted frame 0x{plan.Pfn:x} without an error, but it is not poisoned: the kernel does not "
                + "handle frames of its kind, or hwpoison/corrupt-filter-* excludes it.", plan.Pfn);
    }

    private static ulong RequirePfn(ulong? pfn) =>
        pfn ?? throw new ArgumentException("Neither an address nor a frame was given.", nameof(pfn));

    private ulong? FindAddress(LinuxProcess process, ulong pfn) =>
        new PfnSearch([pfn]).In(process, cancellation).FirstOrDefault()?.Address;

    private PlannedPoison PlanPage(LinuxProcess process, ulong address, ulong? expected)
    {
        PageMapEntry page = new PageMapWalk(process, cancellation).At(MachinePage.Floor(address)).First();
        if (page.IsPfnHidden)
        {
            throw new MemProcException(Operation, Errno.EPERM,
                $"Process {process.Identity}: the kernel hides the frame of the page at 0x{address:x} from this user. "
                + CallerRights.Read(process.Files).Explain([Capability.SysAdmin]), address);
        }

        ulong pfn = page.Pfn ?? throw new MemProcException(Operation, Errno.ENOENT,
            $"Process {process.Identity}: the page at 0x{address:x} is not in memory ({page.State}), and has no frame to "
            + "poison until the process touches it.", address);
        if (expected is ulong expectedPfn && expectedPfn != pfn)
        {
            throw Refused(Errno.EAGAIN, expectedPfn,
                $"the page at 0x{address:x} of process {process.Identity} is in frame 0x{pfn:x} now");
        }

        ProcMap map = MapReader.Find(process, address, cancellation) ?? throw MapReader.NotMapped(process, address);
        return new PlannedPoison(process, map, page.Address, Frame(pfn)) { IsShared = page.IsExclusive != true };
    }

    private PlannedPoison WithOwner(PlannedPoison plan) => plan switch
    {
        { Process: null } => throw Refused(Errno.EINVAL, plan.Pfn,
            "without a process whose page it is, this must be forced", canBeForced: true),
        { Map: null } => throw Refused(Errno.EINVAL, plan.Pfn,
            $"process {plan.Process.Identity} does not map it, so this must be forced", canBeForced: true),
        { IsShared: true } => throw Refused(Errno.EACCES, plan.Pfn,
            $"the page at 0x{plan.Address:x} of process {plan.Process.Identity} {Sharing(plan.Frame)}; to poison it for all of "
            + "them, this must be forced", canBeForced: true),
        _ => plan,
    };

    private static string Sharing(PageFlags frame) => new KernelPageFlagSet(frame.RawFlags).IsZeroPage
        ? "is the zero page, which backs all memory of all processes that was read and never written"
        : frame.MapCount > 0
        ? $"is shared, its frame is mapped {(frame.MapCount == 1 ? "once" : $"{frame.MapCount} times")}"
        // Of some frames the kernel keeps no count of mappings.
        : "may be shared: the kernel does not count the mappings of its frame";
}

using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>Advice about the memory of a process. No value is 0, which scripts treat as false.</summary>
public enum ProcessMemoryAdvice
{
    /// <summary>Reclaim the pages now: to swap, or back to their file.</summary>
    PageOut = 1,
    /// <summary>Reclaim the pages first under memory pressure.</summary>
    Cold,
    /// <summary>Read pages of files ahead, and pages in swap.</summary>
    WillNeed,
    /// <summary>Copy the pages to transparent huge pages now.</summary>
    Collapse,
}

/// <summary>
/// Gives the kernel advice about the memory of a process (process_madvise(2)). What the advice concerns is known before it
/// is given, and what it did afterwards.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="advice">The advice.</param>
/// <param name="cancellation">Stops the work between two parts.</param>
public sealed class MemoryAdviser(
    LinuxProcess process, ProcessMemoryAdvice advice, CancellationToken cancellation = default)
{
    /// <summary>Bytes in one call, so that Ctrl-C does not wait long, and a call never exceeds the kernel's limit of 2 GiB.</summary>
    private const ulong CallBytes = 64UL << 20;

    /// <summary>Bytes of a huge page: those that a full page table maps.</summary>
    private static readonly ulong HugeBytes = MachinePage.SizeBytes / sizeof(ulong) * MachinePage.SizeBytes;

    /// <summary>Throws where the kernel does not know the advice for other processes.</summary>
    /// <param name="advice">The advice.</param>
    /// <param name="files">Where sysfs is.</param>
    /// <exception cref="MemProcException">AdviseMemory, ENOSYS.</exception>
    public static void ThrowIfUnsupported(ProcessMemoryAdvice advice, KernelFiles? files = null)
    {
        Errno errno = Libc.TryPidfdOpen(Environment.ProcessId, out SafeFileHandle? self);
        if (self is not null)
        {
            using (self)
            {
                // Without a range, only the advice is checked.
                errno = Libc.TryProcessAdvise(self, 0, 0, ValueOf(advice), out _);
            }
        }

        bool isMissing = errno is Errno.ENOSYS or Errno.EINVAL
            || (advice == ProcessMemoryAdvice.Collapse
                && !Directory.Exists($"{(files ?? KernelFiles.Default).Sys}/kernel/mm/transparent_hugepage"));
        if (isMissing)
        {
            throw new MemProcException(Operation.AdviseMemory, Errno.ENOSYS, $"This kernel cannot give the advice {advice} "
                + $"about memory of another process. Requires {Requirement(advice)}.", advice);
        }
    }

    /// <summary>Returns the whole pages of a range.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes; null: one page.</param>
    /// <exception cref="MemProcException">AdviseMemory, EINVAL: the range is not one of a process.</exception>
    public static AddressRange RangeOf(ulong address, ulong? length) =>
        new AddressRange(address, UserRange.End(address, length ?? 1, Operation.AdviseMemory)).Pages;

    /// <summary>Finds the memory that the advice concerns.</summary>
    /// <param name="range">The addresses; null: the whole process.</param>
    /// <param name="filter">Selects mappings.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps, ReadPageMap: EACCES without ptrace access; ESRCH where the process exits meanwhile. FindMap, ENOENT: nothing
    /// is mapped in the range. AdviseMemory, EINVAL: the range is not one of a process, or the advice applies to no mapping in
    /// it; EOPNOTSUPP in the procfs of another PID namespace.
    /// </exception>
    public PlannedMemoryAdvice Plan(AddressRange? range, MapFilter filter)
    {
        ThrowIfForeign();
        List<AddressRange> parts = [];
        ulong skipped = 0;
        int mapCount = 0;
        ProcMap? lastSkipped = null;
        foreach (ProcMap map in Maps(range, filter))
        {
            AddressRange part = new AddressRange(map.Start, map.End).Clip(range?? AddressRange.All);
            AddressRange usable = CanAdvise(map) ? Usable(part) : new AddressRange(part.Start, part.Start);
            if (usable.SizeBytes == 0)
            {
                lastSkipped = map;
                skipped += part.SizeBytes;
                continue;
            }

            mapCount++;
            skipped += part.SizeBytes - usable.SizeBytes;
            parts.Add(usable);
        }

        if (parts.Count == 0 && lastSkipped is not null && range is not null)
        {
            throw new MemProcException(Operation.AdviseMemory, Errno.EINVAL, $"Process {process.Identity}: the advice {advice} "
                + $"does not apply to {SafeText.Escape(lastSkipped.ToString())}: {WhyNot(lastSkipped)}.", lastSkipped.Start);
        }

        return new PlannedMemoryAdvice(process.Identity, advice, range, parts, mapCount, skipped, Measure(parts));
    }

    /// <summary>Gives the advice.</summary>
    /// <param name="plan">What <see cref="Plan"/> has found.</param>
    /// <exception cref="MemProcException">
    /// AdviseMemory: EPERM without CAP_SYS_NICE; ENOSYS; ESRCH where the process exits meanwhile.
    /// </exception>
    public MemoryAdviceResult Execute(PlannedMemoryAdvice plan)
    {
        ulong advised = 0, refused = 0;
        Errno reason = Errno.None;
        foreach (AddressRange part in plan.Parts)
        {
            for (ulong at = part.Start; at < part.End;)
            {
                cancellation.ThrowIfCancellationRequested();
                ulong length = Math.Min(CallBytes, part.End - at);
                Errno errno = Advise(at, length, out ulong done);
                advised += done;
                if (done < length)
                {
                    // Locked memory, a mapping that has changed meanwhile, or no memory for a huge page: others are tried.
                    refused += length - done;
                    reason = errno == Errno.None ? Errno.EINVAL : errno;
                }

                at += length;
            }
        }

        process.ThrowIfExited(Operation.AdviseMemory);
        return new MemoryAdviceResult(plan, advised, refused, reason == Errno.None ? null : reason, Measure(plan.Parts));
    }

    private static MemoryAdvice ValueOf(ProcessMemoryAdvice advice) => advice switch
    {
        ProcessMemoryAdvice.PageOut => MemoryAdvice.PageOut,
        ProcessMemoryAdvice.Cold => MemoryAdvice.Cold,
        ProcessMemoryAdvice.WillNeed => MemoryAdvice.WillNeed,
        ProcessMemoryAdvice.Collapse => MemoryAdvice.Collapse,
        _ => throw new ArgumentOutOfRangeException(nameof(advice)),
    };

    private static string Requirement(ProcessMemoryAdvice advice) => advice switch
    {
        ProcessMemoryAdvice.WillNeed => "Linux 5.15 with CONFIG_ADVISE_SYSCALLS",
        ProcessMemoryAdvice.Collapse => "Linux 6.1 with CONFIG_ADVISE_SYSCALLS and CONFIG_TRANSPARENT_HUGEPAGE",
        _ => "Linux 5.10 with CONFIG_ADVISE_SYSCALLS",
    };

    private IEnumerable<ProcMap> Maps(AddressRange? range, MapFilter filter)
    {
        if (range is not AddressRange given)
        {
            return MapReader.Read(process, cancellation).Where(filter.Matches);
        }

        ProcMap[] maps = [.. MapReader.Between(process, given.Start, given.End, cancellation)];
        return maps.Length == 0 ? throw MapReader.NotMapped(process, given.Start) : maps.Where(filter.Matches);
    }

    private bool CanAdvise(ProcMap map) =>
        map.Kind is not (ProcMapKind.Vdso or ProcMapKind.Vvar or ProcMapKind.Vsyscall or ProcMapKind.Device or ProcMapKind.Special)
        && (map.Kind != ProcMapKind.HugePages || advice == ProcessMemoryAdvice.WillNeed);

    /// <summary>Returns the part that the advice can apply to: for collapsing, whole huge pages.</summary>
    private AddressRange Usable(AddressRange part)
    {
        if (advice != ProcessMemoryAdvice.Collapse)
        {
            return part;
        }

        ulong start = (part.Start + HugeBytes - 1) / HugeBytes * HugeBytes;
        return new AddressRange(start, Math.Max(start, part.End / HugeBytes * HugeBytes));
    }

    private string WhyNot(ProcMap map) => CanAdvise(map)
        ? $"it contains no aligned range of {HumanSize.Format(HugeBytes)}"
        : map.Kind == ProcMapKind.HugePages ? "pages of hugetlbfs are never reclaimed or collapsed" : "it is not ordinary memory";

    /// <summary>Throws where the handle for advice could be that of another process.</summary>
    private void ThrowIfForeign()
    {
        if (!process.Files.NumbersAsCalls)
        {
            throw new MemProcException(Operation.AdviseMemory, Errno.EOPNOTSUPP, $"Process {process.Identity}: no advice can be "
                + $"given about its memory: {process.Files.Proc} belongs to another PID namespace, and pidfd_open(2) takes "
                + "process ids of this one.", process.Id);
        }
    }

    private Errno Advise(ulong address, ulong length, out ulong done)
    {
        if (process.Pidfd is not SafeFileHandle pidfd)
        {
            process.ThrowIfExited(Operation.AdviseMemory);
            throw new MemProcException(Operation.AdviseMemory, Errno.ENOSYS,
                $"Process {process.Identity}: this kernel has no pidfd_open(2), which advice requires (Linux 5.3).", process.Id);
        }

        Errno errno = Libc.TryProcessAdvise(pidfd, address, length, ValueOf(advice), out done);
        return errno switch
        {
            Errno.EPERM or Errno.EACCES => throw new MemProcException(Operation.AdviseMemory, errno,
                $"Process {process.Identity}: no advice can be given about its memory: {ErrnoException.Describe(errno)} ({errno}). "
                + "Requires CAP_SYS_NICE, and the right to read the process' memory (CAP_SYS_PTRACE for another user's). Run "
                + "as root.", process.Id),
            Errno.ESRCH or Errno.ENOSYS or Errno.EBADF =>
                throw process.Failure(Operation.AdviseMemory, errno, "no advice can be given about its memory", address),
            _ => errno,
        };
    }

    /// <summary>Counts what the page table has of some ranges now.</summary>
    private AdvisedBytes Measure(IReadOnlyList<AddressRange> parts)
    {
        PageMapReader reader = new(process, cancellation) { DetectHuge = advice == ProcessMemoryAdvice.Collapse };
        ulong resident = 0, swapped = 0, huge = 0;
        bool isHugeKnown = reader.DetectHuge;
        foreach (PageMapRange pages in parts.SelectMany(part => reader.ReadPopulated(part.Start, part.End)))
        {
            ulong present = 0;
            foreach (ulong entry in pages.Entries.Span)
            {
                RawPageMapEntry page = new(entry);
                present += page.IsPresent ? 1u : 0u;
                swapped += page.IsSwapped ? 1u : 0u;
            }

            resident += present;
            huge += pages.IsHuge == true ? present : 0;
            isHugeKnown &= pages.IsHuge is not null || present == 0;
        }

        process.ThrowIfExited(Operation.ReadPageMap);
        return new AdvisedBytes(resident * MachinePage.SizeBytes, swapped * MachinePage.SizeBytes,
            isHugeKnown ? huge * MachinePage.SizeBytes : null);
    }
}

using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Finds out what this user can do with the memory of a process. What can be tried without a change of the process is tried:
/// files are opened, and calls are made for an address that no process has. The rest is predicted from the rights.
/// </summary>
public sealed class AccessTester
{
    /// <summary>An address of the kernel: calls on the memory of a process check the rights first, and then fail with EFAULT.</summary>
    private const ulong NoAddress = 0xffff_8000_0000_0000;

    private static readonly MemoryAbility[] OfMachine =
        [MemoryAbility.PageFlags, MemoryAbility.MapCounts, MemoryAbility.PageCgroups];

    private readonly LinuxProcess? _process;
    private readonly ProcessIdentity _identity;
    private readonly KernelFiles _files;
    private readonly CallerRights _rights;
    private readonly AccessAdvice _advice;
    private readonly bool _stop;
    private readonly CancellationToken _cancellation;
    private readonly Dictionary<MemoryAbility, AccessFinding> _findings = [];

    private AccessTester(LinuxProcess? process, ProcessIdentity identity, KernelFiles files, bool stop, CancellationToken cancellation)
    {
        _process = process;
        _identity = identity;
        _files = files;
        _rights = CallerRights.Read(files);
        _advice = new AccessAdvice(_rights);
        _stop = stop;
        _cancellation = cancellation;
    }

    /// <summary>Tests all abilities for a process.</summary>
    /// <param name="process">The process.</param>
    /// <param name="abilities">The abilities; null: all.</param>
    /// <param name="stop">Stop the process for a moment, instead of a prediction whether it can be stopped.</param>
    /// <param name="cancellation">Stops the test.</param>
    /// <exception cref="MemProcException">ESRCH: the process has exited.</exception>
    public static IEnumerable<ProcMemAccess> Test(LinuxProcess process, IReadOnlyList<MemoryAbility>? abilities = null,
        bool stop = false, CancellationToken cancellation = default) =>
        new AccessTester(process, process.Identity, process.Files, stop, cancellation).Test(abilities);

    /// <summary>Tests all abilities for a process that cannot be opened since procfs hides it.</summary>
    /// <param name="processId">Its id.</param>
    /// <param name="abilities">The abilities; null: all.</param>
    /// <param name="files">Where the kernel's file systems are; the usual places by default.</param>
    public static IEnumerable<ProcMemAccess> TestHidden(
        int processId, IReadOnlyList<MemoryAbility>? abilities = null, KernelFiles? files = null) =>
        new AccessTester(null, new ProcessIdentity(processId, string.Empty, 0), files ?? KernelFiles.Default, stop: false,
            CancellationToken.None).Test(abilities);

    /// <summary>Whether a failure to open a process means that procfs hides it.</summary>
    public static bool IsHidden(MemProcException error) =>
        error.Operation == Operation.OpenProcess && error.Errno is Errno.EACCES or Errno.EPERM;

    private IEnumerable<ProcMemAccess> Test(IReadOnlyList<MemoryAbility>? abilities)
    {
        foreach (MemoryAbility ability in abilities ?? Enum.GetValues<MemoryAbility>())
        {
            _cancellation.ThrowIfCancellationRequested();
            AccessFinding finding = Find(ability);
            _process?.ThrowIfExited(Operation.TestAccess);
            yield return new ProcMemAccess(_identity, ability, finding);
        }
    }

    private AccessFinding Find(MemoryAbility ability)
    {
        if (!_findings.TryGetValue(ability, out AccessFinding? finding))
        {
            _findings.Add(ability, finding = OfMachine.Contains(ability) ? Try(ability)
                : _process is null ? Hidden()
                : _process.IsKernelThread
                ? new AccessFinding(AccessCause.KernelThread, "It is a kernel thread: it has no memory of its own.",
                    "Read kernel memory, such as by Get-PageFrame.")
                : Try(ability));
        }

        return finding;
    }

    private AccessFinding Try(MemoryAbility ability) => ability switch
    {
        MemoryAbility.Maps => OpenFile("maps", OpenAccess.ReadOnly),
        MemoryAbility.Smaps => OpenFile("smaps", OpenAccess.ReadOnly, "CONFIG_PROC_PAGE_MONITOR"),
        MemoryAbility.PageMap => OpenFile("pagemap", OpenAccess.ReadOnly, "CONFIG_PROC_PAGE_MONITOR"),
        MemoryAbility.FrameNumbers => AccessFinding.FirstRefused(() => Find(MemoryAbility.PageMap), FrameNumbers),
        MemoryAbility.ReadProcessVm => Call("process_vm_readv(2)", ReadNothing),
        MemoryAbility.ReadMem => OpenFile("mem", OpenAccess.ReadOnly),
        // Where process_vm_readv(2) cannot be used, writes go through the file, too.
        MemoryAbility.Write => Find(MemoryAbility.ReadProcessVm).Cause is AccessCause.PidNamespace or AccessCause.Seccomp
            or AccessCause.SecurityModule or AccessCause.KernelConfig
            ? OpenFile("mem", OpenAccess.ReadWrite)
            : Call("process_vm_writev(2)", WriteNothing),
        MemoryAbility.ForcedWrite => AccessFinding.FirstRefused(() => OpenFile("mem", OpenAccess.ReadWrite), ForcedWrite),
        MemoryAbility.Stop => Stop(),
        MemoryAbility.PageFlags => FrameTable("kpageflags", "CONFIG_PROC_PAGE_MONITOR"),
        MemoryAbility.MapCounts => FrameTable("kpagecount", "CONFIG_PROC_PAGE_MONITOR"),
        MemoryAbility.PageCgroups => FrameTable("kpagecgroup", "CONFIG_PROC_PAGE_MONITOR and CONFIG_MEMCG"),
        MemoryAbility.KernelTables => AccessFinding.FirstRefused(() => Find(MemoryAbility.ReadMem), KernelTables),
        MemoryAbility.SoftDirty => AccessFinding.FirstRefused(SoftDirtyBits, () => OpenFile("clear_refs", OpenAccess.WriteOnly)),
        MemoryAbility.IdlePages => AccessFinding.FirstRefused(IdlePages, () => Find(MemoryAbility.FrameNumbers)),
        _ => AccessFinding.FirstRefused(Poison, () => Find(MemoryAbility.FrameNumbers)),
    };

    private AccessFinding Hidden()
    {
        string remedy = "Grant CAP_SYS_PTRACE";
        remedy += _rights.HidePidGroup is uint group && _rights.HidePid != "ptraceable"
            ? $", or join group {group} (option gid=), which sees all processes." : ".";
        return new AccessFinding(AccessCause.HidePid,
            $"{_files.Proc} hides the process (mount option hidepid={_rights.HidePid ?? "?"}).", remedy)
        {
            Missing = [.. ((Capability[])[Capability.SysPtrace]).Where(capability => !_rights.Has(capability))],
        };
    }

    /// <summary>Opens a file of the process, which is where the kernel checks the access.</summary>
    private AccessFinding OpenFile(string name, OpenAccess access, string? option = null)
    {
        try
        {
            _process!.OpenFile(name, Operation.TestAccess, access).Dispose();
            return AccessFinding.Allowed;
        }
        catch (MemProcException error) when (error.Errno is Errno.EACCES or Errno.EPERM)
        {
            return OfProcess(name, $"{_files.Proc}/{_process!.Id}/{name}", access);
        }
        catch (MemProcException error) when (error.Errno == Errno.ENOENT && option is not null && !_process!.HasExited)
        {
            return _advice.MissingFile($"{_files.Proc}/{_process.Id}/{name}", option);
        }
        catch (MemProcException error) when (error.Errno != Errno.ESRCH)
        {
            return Other(error.Message);
        }
    }

    private AccessFinding OfProcess(string? file, string what, OpenAccess access = OpenAccess.ReadOnly) =>
        _advice.ForProcess(_process!.Diagnose(file, access), _process.Rights(), what);

    /// <summary>Makes a call on the memory of the process that can reach none.</summary>
    private AccessFinding Call(string name, Func<int, Errno> call)
    {
        if (!_files.NumbersAsCalls)
        {
            return new AccessFinding(AccessCause.PidNamespace,
                $"{_files.Proc} belongs to another PID namespace, and {name} takes process ids of this one.",
                "Use /proc/PID/mem, or enter the namespace of that procfs (nsenter).");
        }

        Errno errno;
        do
        {
            errno = call(_process!.CallId);
        }
        while (_process.MustRepeat(errno));

        // A call on this process needs no right: only a filter, or a kernel without the call, refuses it.
        Errno own = errno is Errno.EFAULT or Errno.None ? errno : call(Environment.ProcessId);
        return errno switch
        {
            Errno.EFAULT or Errno.None => AccessFinding.Allowed,
            _ when own != Errno.EFAULT => Filtered(name, own),
            Errno.EPERM => OfProcess(null, name),
            _ => Other($"{name} fails: {ErrnoException.Describe(errno)} ({errno})."),
        };
    }

    private AccessFinding Filtered(string name, Errno errno)
    {
        if (errno == Errno.ENOSYS && !_rights.HasSeccompFilter)
        {
            return new AccessFinding(AccessCause.KernelConfig, $"This kernel has no {name}.",
                "Requires a kernel with CONFIG_CROSS_MEMORY_ATTACH.");
        }

        AccessCause cause = _rights.HasSeccompFilter ? AccessCause.Seccomp : AccessCause.SecurityModule;
        (string reason, string remedy) = _advice.Filtered(cause, name);
        return new AccessFinding(cause, reason, remedy);
    }

    private static Errno ReadNothing(int processId)
    {
        Span<byte> nothing = stackalloc byte[1];
        return Libc.TryProcessVmRead(processId, NoAddress, nothing, out _);
    }

    private static Errno WriteNothing(int processId) => Libc.TryProcessVmWrite(processId, NoAddress, [0], out _);

    /// <summary>Finds out whether pagemap shows frame numbers to this user: the check is the same for all processes.</summary>
    private AccessFinding FrameNumbers()
    {
        try
        {
            PopulatedPages.ThrowIfFramesHidden(_files);
            return AccessFinding.Allowed;
        }
        catch (MemProcException error) when (error.Errno == Errno.EPERM)
        {
            return _advice.ForMachine("A look at frame numbers", AccessCause.Capability, Capability.SysAdmin);
        }
    }

    /// <summary>Tries a write without permission on a page of this process: a kernel can be set to refuse all of them.</summary>
    private AccessFinding ForcedWrite()
    {
        using SafeMapping page = Libc.MapMemory(MachinePage.SizeBytes, isReadOnly: true);
        Errno errno = Libc.TryOpenAt(null, $"{_files.Proc}/self/mem", OpenAccess.ReadWrite, out SafeFileHandle? memory);
        using (memory)
        {
            return memory is not null && Libc.TryPWrite(memory, [1], page.Address, out _) == Errno.None
                ? AccessFinding.Allowed
                : new AccessFinding(errno is Errno.None ? AccessCause.KernelConfig : AccessCause.Other,
                    "The kernel allows no write to memory without write permission (proc_mem.force_override).",
                    "Start the kernel with proc_mem.force_override=always.");
        }
    }

    private AccessFinding Stop()
    {
        LinuxProcess process = _process!;
        if (process.Id == process.Files.OwnId)
        {
            return new AccessFinding(AccessCause.SameProcess, "It is this process, which cannot stop itself.",
                "Run this from another process.");
        }

        if (_stop)
        {
            return TryStop(process);
        }

        // Not attached: the check of ptrace(2) is that of process_vm_readv(2).
        AccessFinding finding = Call("ptrace(2)", ReadNothing);
        if (!finding.IsAllowed)
        {
            return finding with { IsPredicted = true };
        }

        if (process.TracerId() is not 0 and int tracer)
        {
            return Traced(tracer) with { IsPredicted = true };
        }

        // Of a process that this one does not trace: ESRCH, unless a filter refuses the call itself.
        Errno errno = Libc.TryPTraceDetach(process.Id, 0);
        return (errno is Errno.EPERM or Errno.ENOSYS or Errno.EACCES ? Filtered("ptrace(2)", errno) : AccessFinding.Allowed)
            with { IsPredicted = true };
    }

    private AccessFinding TryStop(LinuxProcess process)
    {
        try
        {
            ProcessStop.Begin(process, _cancellation).Dispose();
            return AccessFinding.Allowed;
        }
        catch (MemProcException error) when (error.Errno == Errno.EPERM)
        {
            return process.TracerId() is not 0 and int tracer ? Traced(tracer) : OfProcess(null, "ptrace(2)");
        }
        catch (MemProcException error) when (error.Errno == Errno.EOPNOTSUPP)
        {
            return Call("ptrace(2)", ReadNothing);
        }
        catch (MemProcException error) when (error.Errno != Errno.ESRCH)
        {
            return Other(error.Message);
        }
    }

    private static AccessFinding Traced(int tracer) => new(AccessCause.Traced,
        $"Process {tracer} traces it, and a process can have one tracer only.", "Detach the other tracer.");

    private AccessFinding FrameTable(string name, string option)
    {
        string path = $"{_files.Proc}/{name}";
        Errno errno = Libc.TryOpenAt(null, path, OpenAccess.ReadOnly, out SafeFileHandle? file);
        if (file is not null)
        {
            using (file)
            {
                errno = Libc.TryPRead(file, stackalloc byte[sizeof(ulong)], 0, out _);
            }
        }

        return errno switch
        {
            Errno.None => AccessFinding.Allowed,
            Errno.ENOENT => _advice.MissingFile(path, option),
            Errno.EACCES or Errno.EPERM => _advice.ForMachine(path, AccessCause.FileMode, Capability.DacReadSearch),
            _ => Other($"{path}: {ErrnoException.Describe(errno)} ({errno})."),
        };
    }

    private AccessFinding KernelTables()
    {
        try
        {
            using PageTableReader reader = new(files: _files, cancellation: _cancellation);
            reader.Entries(_process!, MachinePage.SizeBytes);
            return AccessFinding.Allowed;
        }
        catch (MemProcException error) when (error.Errno != Errno.ESRCH)
        {
            AccessCause cause = _rights.Lockdown is "confidentiality" ? AccessCause.Lockdown
                // Includes the capabilities that bpf(2) asks for, and shows the frame numbers that the walk begins with.
                : !_rights.Has(Capability.SysAdmin) ? AccessCause.Capability
                : !_rights.IsInInitialUserNamespace ? AccessCause.UserNamespace
                : error.Errno == Errno.EPERM && _rights.HasSeccompFilter ? AccessCause.Seccomp
                : AccessCause.KernelConfig;
            return cause is AccessCause.Capability or AccessCause.UserNamespace
                ? _advice.ForMachine("A look at kernel memory", AccessCause.Capability, Capability.SysAdmin)
                : new AccessFinding(cause, error.Message, cause switch
                {
                    AccessCause.Lockdown => "Restart the kernel with lockdown=integrity, or without lockdown.",
                    AccessCause.Seccomp => "Run outside of the container, or without the filter (seccomp=unconfined).",
                    _ => "Requires Linux 5.10 with CONFIG_BPF_SYSCALL and CONFIG_DEBUG_INFO_BTF.",
                });
        }
    }

    private AccessFinding SoftDirtyBits()
    {
        try
        {
            SoftDirty.ThrowIfUnsupported(_files);
            return AccessFinding.Allowed;
        }
        catch (MemProcException error) when (error.Errno == Errno.ENOSYS)
        {
            return new AccessFinding(AccessCause.KernelConfig, "This kernel keeps no soft-dirty bits.",
                "Requires a kernel with CONFIG_MEM_SOFT_DIRTY.");
        }
        catch (MemProcException error) when (error.Errno != Errno.ESRCH)
        {
            return Other(error.Message);
        }
    }

    private AccessFinding IdlePages()
    {
        try
        {
            IdleBitmap.Open(Operation.TestAccess, _files).Dispose();
            return AccessFinding.Allowed;
        }
        catch (MemProcException error)
        {
            return error.Errno switch
            {
                Errno.ENOENT or Errno.ENOTDIR => new AccessFinding(AccessCause.KernelConfig,
                    "This kernel does not track idle pages.",
                    "Requires a kernel with CONFIG_IDLE_PAGE_TRACKING. Measure-WorkingSet works without, by referenced bits."),
                Errno.EACCES or Errno.EPERM => _advice.ForMachine("The idle bitmap", AccessCause.FileMode, Capability.DacOverride),
                Errno.EROFS => new AccessFinding(AccessCause.ReadOnlyMount, error.Message, "Run outside of the container."),
                _ => Other(error.Message),
            };
        }
    }

    /// <summary>Finds out whether the injector is there and can be opened. That a write to it works is a prediction.</summary>
    private AccessFinding Poison()
    {
        try
        {
            PoisonFile.Probe(_files, PagePoisoner.FileName, Operation.TestAccess);
        }
        catch (MemProcException error)
        {
            return error.Errno switch
            {
                Errno.ENOENT or Errno.ENOTDIR => new AccessFinding(AccessCause.KernelConfig, error.Message,
                    "Requires CONFIG_MEMORY_FAILURE, the module hwpoison-inject, and debugfs."),
                Errno.EACCES => _advice.ForMachine("The poison injector", AccessCause.FileMode, Capability.DacOverride),
                Errno.EPERM when _rights.Lockdown is not (null or "none") => new AccessFinding(AccessCause.Lockdown,
                    $"The kernel is in lockdown ({_rights.Lockdown}), which allows no changes through debugfs.",
                    "Restart the kernel without lockdown."),
                Errno.EROFS => new AccessFinding(AccessCause.ReadOnlyMount, error.Message, "Run outside of the container."),
                _ => Other(error.Message),
            };
        }

        return (_rights.Has(Capability.SysAdmin) && _rights.IsInInitialUserNamespace
            ? AccessFinding.Allowed
            : _advice.ForMachine("The poison injector", AccessCause.Capability, Capability.SysAdmin)) with { IsPredicted = true };
    }

    private static AccessFinding Other(string message) => new(AccessCause.Other, message, "Try again.");
}

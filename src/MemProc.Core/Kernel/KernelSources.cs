using System.Globalization;
using MemProc.Interop;

namespace MemProc;

/// <summary>The ways to read the kernel's memory: tries them, and says in words why one does not work.</summary>
internal static class KernelSources
{
    private const int CapSysRawIo = 17;
    private const int CapSysAdmin = 21;
    private const int CapPerfMon = 38;
    private const int CapBpf = 39;

    /// <summary>Opens the first way that works.</summary>
    /// <param name="source">Which one; Auto tries all.</param>
    /// <param name="files">Where the kernel's file systems are.</param>
    /// <exception cref="MemProcException">
    /// ReadKernelMemory: EPERM where a capability is missing, else EOPNOTSUPP; the message has the reason of each.
    /// </exception>
    public static (KernelMemory Memory, KernelReadSource Source) Open(KernelReadSource source, KernelFiles files)
    {
        KernelReadSource[] sources = source == KernelReadSource.Auto
            ? [KernelReadSource.Bpf, KernelReadSource.BpfTracepoint, KernelReadSource.Kcore]
            : [source];
        List<string> reasons = [];
        bool isForbidden = false;
        foreach (KernelReadSource way in sources)
        {
            Errno errno = TryOpen(way, files, out KernelMemory? memory, out string log);
            if (memory is not null)
            {
                return (memory, way);
            }

            // Without a capability the verifier can say EINVAL, too.
            isForbidden |= errno is Errno.EPERM or Errno.EACCES
                || (way != KernelReadSource.Kcore && Missing(files, CapBpf, CapPerfMon).Length > 0);
            reasons.Add($"{NameOf(way)}: {Reason(way, errno, log, files)}");
        }

        throw new MemProcException(Operation.ReadKernelMemory, isForbidden ? Errno.EPERM : Errno.EOPNOTSUPP,
            $"The kernel's memory cannot be read. {string.Join(" ", reasons)}");
    }

    private static Errno TryOpen(KernelReadSource way, KernelFiles files, out KernelMemory? memory, out string log)
    {
        log = string.Empty;
        if (way == KernelReadSource.Kcore)
        {
            Errno result = KcoreMemory.TryOpen($"{files.Proc}/kcore", out KcoreMemory? kcore);
            memory = kcore;
            return result;
        }

        BpfProgramType type = way == KernelReadSource.Bpf ? BpfProgramType.SystemCall : BpfProgramType.RawTracepoint;
        Errno errno = BpfMemory.TryOpen(type, out BpfMemory? bpf, out log);
        memory = bpf;
        if (bpf is not null && bpf.CurrentTask() == 0)
        {
            // Loaded, but never run: a tracepoint's program cannot be run on every kernel.
            bpf.Dispose();
            memory = null;
            errno = Errno.EOPNOTSUPP;
        }

        return errno;
    }

    private static string NameOf(KernelReadSource way) => way switch
    {
        KernelReadSource.Bpf => "bpf",
        KernelReadSource.BpfTracepoint => "bpf for raw tracepoints",
        _ => "/proc/kcore",
    };

    private static string Reason(KernelReadSource way, Errno errno, string log, KernelFiles files)
    {
        if (way == KernelReadSource.Kcore)
        {
            return errno switch
            {
                Errno.ENOENT => "this kernel has none (CONFIG_PROC_KCORE).",
                Errno.EACCES => "it is root's.",
                Errno.EPERM when Missing(files, CapSysRawIo) is [{ } name] => $"it takes {name}.",
                Errno.EPERM => $"the kernel is locked down{Lockdown(files)}.",
                _ => $"{ErrnoException.Describe(errno)} ({errno}).",
            };
        }

        string[] missing = Missing(files, CapBpf, CapPerfMon);
        return missing.Length > 0
            ? $"it takes {string.Join(" and ", missing)}, which this process does not have (run as root)."
            : log.Contains("bpf_probe_read_kernel", StringComparison.Ordinal) && log.Contains("unknown func", StringComparison.Ordinal)
            ? $"the kernel is locked down{Lockdown(files)} and lets no program read its memory."
            : errno switch
            {
                Errno.EINVAL or Errno.EOPNOTSUPP => way == KernelReadSource.Bpf
                    ? "this kernel is too old for it (Linux 5.14)."
                    : "this kernel does not run such programs by a system call.",
                Errno.EPERM => "the kernel refuses it, although the capabilities are there: they hold in a user namespace alone, "
                    + "or a sandbox (seccomp) or a security module forbids bpf(2).",
                Errno.ENOSYS => "this kernel has no bpf(2) (CONFIG_BPF_SYSCALL).",
                _ => $"{ErrnoException.Describe(errno)} ({errno}).",
            };
    }

    /// <summary>Which of some capabilities are missing; CAP_SYS_ADMIN stands for those of bpf.</summary>
    private static string[] Missing(KernelFiles files, params int[] capabilities)
    {
        ulong effective = Effective(files);
        bool isAdmin = (effective >> CapSysAdmin & 1) != 0;
        return [.. capabilities
            .Where(capability => (effective >> capability & 1) == 0 && !(isAdmin && capability >= CapPerfMon))
            .Select(capability => capability switch
            {
                CapBpf => "CAP_BPF",
                CapPerfMon => "CAP_PERFMON",
                _ => "CAP_SYS_RAWIO",
            })];
    }

    private static ulong Effective(KernelFiles files)
    {
        const string Name = "CapEff:";
        string status = $"{files.Proc}/self/status";
        string? line = !File.Exists(status) ? null
            : File.ReadLines(status).FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
        return line is null ? 0
            : ulong.Parse(line.AsSpan(Name.Length).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }

    /// <summary>The kernel marks the mode that holds by brackets: <c>none integrity [confidentiality]</c>.</summary>
    private static string Lockdown(KernelFiles files)
    {
        try
        {
            string modes = File.ReadAllText($"{files.Sys}/kernel/security/lockdown");
            int open = modes.IndexOf('[', StringComparison.Ordinal);
            int close = modes.IndexOf(']', StringComparison.Ordinal);
            return open >= 0 && close > open ? $" ({modes[(open + 1)..close]})" : string.Empty;
        }
        catch (IOException)
        {
            return string.Empty;
        }
    }
}

using System.Globalization;
using MemProc.Interop;

namespace MemProc;

/// <summary>How the kernel's memory is read.</summary>
public enum KernelReadSource
{
    /// <summary>The first of the other methods that works.</summary>
    Auto,
    /// <summary>A bpf program of type syscall (Linux 5.14).</summary>
    Bpf,
    /// <summary>A bpf program of type raw tracepoint, attached to no tracepoint (Linux 5.10).</summary>
    BpfTracepoint,
    /// <summary><c>/proc/kcore</c>.</summary>
    Kcore,
}

/// <summary>Opens the kernel's memory by the first method that works, and reports why a method does not work.</summary>
internal static class KernelMemoryOpener
{
    private const int CapSysRawIo = 17;
    private const int CapSysAdmin = 21;
    private const int CapPerfMon = 38;
    private const int CapBpf = 39;

    /// <summary>Opens the kernel's memory.</summary>
    /// <param name="source">The method; Auto tries all.</param>
    /// <param name="files">Where the kernel's file systems are mounted.</param>
    /// <returns>The memory, and the method that opened it: never Auto.</returns>
    /// <exception cref="MemProcException">
    /// ReadKernelMemory: EPERM if a capability is missing, otherwise EOPNOTSUPP. The message has the reason for each method.
    /// </exception>
    public static (KernelMemory Memory, KernelReadSource Source) Open(KernelReadSource source, KernelFiles files)
    {
        KernelReadSource[] methods = source == KernelReadSource.Auto
            ? [KernelReadSource.Bpf, KernelReadSource.BpfTracepoint, KernelReadSource.Kcore]
            : [source];
        List<string> reasons = [];
        bool isForbidden = false;
        foreach (KernelReadSource method in methods)
        {
            Errno errno = TryOpen(method, files, out KernelMemory? memory, out string log);
            if (memory is not null)
            {
                return (memory, method);
            }

            // Without a capability the verifier may also answer EINVAL.
            isForbidden |= errno is Errno.EPERM or Errno.EACCES
                || (method != KernelReadSource.Kcore && Missing(files, CapBpf, CapPerfMon).Length > 0);
            reasons.Add($"{NameOf(method, files)}: {Reason(method, errno, log, files)}");
        }

        throw new MemProcException(Operation.ReadKernelMemory, isForbidden ? Errno.EPERM : Errno.EOPNOTSUPP,
            $"The kernel's memory cannot be read. {string.Join(" ", reasons)}");
    }

    private static Errno TryOpen(KernelReadSource method, KernelFiles files, out KernelMemory? memory, out string log)
    {
        log = string.Empty;
        if (method == KernelReadSource.Kcore)
        {
            Errno result = KcoreMemory.TryOpen(KcorePath(files), out KcoreMemory? kcore);
            memory = kcore;
            return result;
        }

        BpfProgramType type = method == KernelReadSource.Bpf ? BpfProgramType.SystemCall : BpfProgramType.RawTracepoint;
        Errno errno = BpfMemory.TryOpen(type, out BpfMemory? bpf, out log);
        memory = bpf;
        if (bpf is not null && bpf.CurrentTask() == 0)
        {
            // The program was loaded but did not run: not every kernel runs raw tracepoint programs by BPF_PROG_RUN.
            bpf.Dispose();
            memory = null;
            errno = Errno.EOPNOTSUPP;
        }

        return errno;
    }

    private static string KcorePath(KernelFiles files) => $"{files.Proc}/kcore";

    private static string NameOf(KernelReadSource method, KernelFiles files) => method switch
    {
        KernelReadSource.Bpf => "bpf",
        KernelReadSource.BpfTracepoint => "bpf for raw tracepoints",
        _ => KcorePath(files),
    };

    private static string Reason(KernelReadSource method, Errno errno, string log, KernelFiles files)
    {
        if (method == KernelReadSource.Kcore)
        {
            return errno switch
            {
                Errno.ENOENT => "this kernel does not have it (CONFIG_PROC_KCORE).",
                Errno.EACCES => "only root can open it.",
                Errno.EPERM when Missing(files, CapSysRawIo) is [{ } name] => $"requires {name}.",
                Errno.EPERM => $"the kernel is locked down{Lockdown(files)}.",
                _ => $"{ErrnoException.Describe(errno)} ({errno}).",
            };
        }

        string[] missing = Missing(files, CapBpf, CapPerfMon);
        return missing.Length > 0
            ? $"requires {string.Join(" and ", missing)}, which this process does not have (run as root)."
            : log.Contains("bpf_probe_read_kernel", StringComparison.Ordinal) && log.Contains("unknown func", StringComparison.Ordinal)
            ? $"the kernel is locked down{Lockdown(files)} and allows no program to read its memory."
            : errno switch
            {
                Errno.EINVAL or Errno.EOPNOTSUPP => method == KernelReadSource.Bpf
                    ? "requires Linux 5.14 or later."
                    : "this kernel cannot run such a program by a system call.",
                Errno.EPERM => "the kernel refuses it although this process has the capabilities: they hold in a user "
                    + "namespace only, or a sandbox (seccomp) or a security module forbids bpf(2).",
                Errno.ENOSYS => "this kernel does not have bpf(2) (CONFIG_BPF_SYSCALL).",
                _ => $"{ErrnoException.Describe(errno)} ({errno}).",
            };
    }

    /// <summary>Returns those of the capabilities that are missing. CAP_SYS_ADMIN includes the two for bpf.</summary>
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

    /// <summary>Returns the lockdown mode. The kernel marks it by brackets: <c>none integrity [confidentiality]</c>.</summary>
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

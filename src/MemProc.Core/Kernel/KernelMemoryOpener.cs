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
        CallerRights rights = CallerRights.Read(files);
        List<string> reasons = [];
        bool isForbidden = false;
        foreach (KernelReadSource method in methods)
        {
            Errno errno = TryOpen(method, files, out KernelMemory? memory, out bool isForbiddenToRead);
            if (memory is not null)
            {
                return (memory, method);
            }

            // Without a capability, and in lockdown, the verifier may also answer EINVAL.
            isForbidden |= errno is Errno.EPERM or Errno.EACCES || isForbiddenToRead
                || (method != KernelReadSource.Kcore && Missing(rights, Capability.Bpf, Capability.Perfmon).Length > 0);
            reasons.Add($"{NameOf(method, files)}: {Reason(method, errno, isForbiddenToRead, rights, KcorePath(files))}");
        }

        throw new MemProcException(Operation.ReadKernelMemory, isForbidden ? Errno.EPERM : Errno.EOPNOTSUPP,
            $"The kernel's memory cannot be read. {string.Join(" ", reasons)}");
    }

    private static Errno TryOpen(
        KernelReadSource method, KernelFiles files, out KernelMemory? memory, out bool isForbiddenToRead)
    {
        isForbiddenToRead = false;
        if (method == KernelReadSource.Kcore)
        {
            Errno result = KcoreMemory.TryOpen(KcorePath(files), out KcoreMemory? kcore);
            memory = kcore;
            return result;
        }

        BpfProgramType type = method == KernelReadSource.Bpf ? BpfProgramType.SystemCall : BpfProgramType.RawTracepoint;
        Errno errno = BpfMemory.TryOpen(type, out BpfMemory? bpf, out isForbiddenToRead);
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

    private static string Reason(
        KernelReadSource method, Errno errno, bool isForbiddenToRead, CallerRights rights, string kcore)
    {
        if (method == KernelReadSource.Kcore)
        {
            return errno switch
            {
                Errno.ENOENT => rights.MissingFile(kcore, "this kernel does not have it (CONFIG_PROC_KCORE)."),
                Errno.EACCES => Uncapitalized(rights.Explain([Capability.DacReadSearch, Capability.SysRawio])),
                Errno.EPERM when Missing(rights, Capability.SysRawio) is [_] => Uncapitalized(rights.Explain([Capability.SysRawio])),
                Errno.EPERM => $"the kernel is locked down{Lockdown(rights)}.",
                _ => $"{ErrnoException.Describe(errno)} ({errno}).",
            };
        }

        Capability[] missing = Missing(rights, Capability.Bpf, Capability.Perfmon);
        return missing.Length > 0
            ? Uncapitalized(rights.Explain(missing))
            : isForbiddenToRead
            ? $"the kernel is locked down{Lockdown(rights)} and allows no program to read its memory."
            : errno switch
            {
                Errno.EINVAL or Errno.EOPNOTSUPP => method == KernelReadSource.Bpf
                    ? "requires Linux 5.14 or later."
                    : "this kernel cannot run such a program by a system call.",
                Errno.EPERM => Uncapitalized(rights.Explain([Capability.Bpf, Capability.Perfmon])),
                Errno.ENOSYS => "this kernel does not have bpf(2) (CONFIG_BPF_SYSCALL).",
                _ => $"{ErrnoException.Describe(errno)} ({errno}).",
            };
    }

    /// <summary>Returns those of the capabilities that are missing. CAP_SYS_ADMIN includes the two for bpf.</summary>
    private static Capability[] Missing(CallerRights rights, params Capability[] capabilities) => [.. capabilities.Where(
        capability => !rights.Has(capability) && !(rights.Has(Capability.SysAdmin) && capability >= Capability.Perfmon))];

    private static string Lockdown(CallerRights rights) => rights.Lockdown is string mode ? $" ({mode})" : string.Empty;

    private static string Uncapitalized(string sentences) => char.ToLowerInvariant(sentences[0]) + sentences[1..];
}

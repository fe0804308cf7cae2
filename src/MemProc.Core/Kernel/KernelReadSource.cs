namespace MemProc;

/// <summary>How the kernel's own memory is read.</summary>
public enum KernelReadSource
{
    /// <summary>The first of the others that works.</summary>
    Auto,
    /// <summary>A bpf program that a system call runs (Linux 5.14).</summary>
    Bpf,
    /// <summary>A bpf program for raw tracepoints, attached to none (Linux 5.10).</summary>
    BpfTracepoint,
    /// <summary>/proc/kcore.</summary>
    Kcore,
}

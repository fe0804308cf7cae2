using System.Globalization;

namespace MemProc;

/// <summary>The mount points of the kernel's file systems. Tests replace them by directories.</summary>
/// <param name="Proc">procfs.</param>
/// <param name="Sys">sysfs.</param>
/// <param name="Debug">debugfs.</param>
public sealed record KernelFiles(string Proc = "/proc", string Sys = "/sys", string Debug = "/sys/kernel/debug")
{
    /// <summary>The usual mount points.</summary>
    public static KernelFiles Default { get; } = new();

    /// <summary>
    /// Whether procfs has the process ids that system calls take. In a procfs of another PID namespace, a call with
    /// such an id would reach another process.
    /// </summary>
    internal bool NumbersAsCalls =>
        new FileInfo($"{Proc}/self").LinkTarget == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
}

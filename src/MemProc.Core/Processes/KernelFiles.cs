using System.Globalization;

namespace MemProc;

/// <summary>
/// Where the kernel's file systems are mounted. Tests give other folders to try what this machine's kernel lacks.
/// </summary>
/// <param name="Proc">procfs.</param>
/// <param name="Sys">sysfs.</param>
/// <param name="Debug">debugfs.</param>
public sealed record KernelFiles(string Proc = "/proc", string Sys = "/sys", string Debug = "/sys/kernel/debug")
{
    /// <summary>The usual places.</summary>
    public static KernelFiles Default { get; } = new();

    /// <summary>
    /// procfs numbers processes as system calls do. That of another pid namespace does not: a call that goes by number
    /// would reach another process.
    /// </summary>
    internal bool NumbersAsCalls =>
        new FileInfo($"{Proc}/self").LinkTarget == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
}

using System.Globalization;
using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

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

    /// <summary>
    /// Opens a handle of pidfd_open(2) by an id in this procfs; null where there is none: procfs is that of another PID
    /// namespace, the process does not exist, or the kernel has no such call (before Linux 5.3).
    /// </summary>
    internal SafeFileHandle? TryOpenPidfd(int processId) =>
        NumbersAsCalls && Libc.TryPidfdOpen(processId, out SafeFileHandle? pidfd) == Errno.None ? pidfd : null;

    /// <summary>
    /// Id of this process in procfs, which differs from the one of system calls where procfs is that of another PID namespace.
    /// </summary>
    internal int OwnId => int.TryParse(new FileInfo($"{Proc}/self").LinkTarget, CultureInfo.InvariantCulture, out int id)
        ? id : Environment.ProcessId;

    /// <summary>Reads the start of a small file of the kernel; null where that fails.</summary>
    /// <param name="path">The path.</param>
    /// <param name="folder">The directory of a relative path.</param>
    /// <param name="maxBytes">How much is read.</param>
    internal static string? TryReadText(string path, SafeFileHandle? folder = null, int maxBytes = 16 * 1024)
    {
        if (Libc.TryOpenAt(folder, path, OpenAccess.ReadOnly, out SafeFileHandle? file) != Errno.None)
        {
            return null;
        }

        using (file)
        {
            byte[] bytes = new byte[maxBytes];
            return Libc.TryPRead(file!, bytes, 0, out int read) == Errno.None ? Encoding.UTF8.GetString(bytes, 0, read) : null;
        }
    }
}

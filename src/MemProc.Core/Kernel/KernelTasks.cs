using System.Globalization;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Finds this process in the kernel's list of tasks, for a way to read that cannot tell who asks: the task whose open
/// file is the one that was opened, and whose memory that file stands for.
/// </summary>
internal static class KernelTasks
{
    private const string FirstTask = " init_task";

    /// <summary>Address of this process' task_struct.</summary>
    /// <param name="session">The kernel's memory.</param>
    /// <param name="files">Where procfs is.</param>
    /// <exception cref="MemProcException">ReadKernelMemory: the list has no beginning that is told, or we are not in it.</exception>
    public static ulong FindOwn(KernelSession session, KernelFiles files)
    {
        using SafeFileHandle memory = Libc.OpenAt(null, $"{files.Proc}/self/mem");
        KernelLayout layout = session.Layout;
        ulong first = FirstAddress(files);
        ulong task = first;
        do
        {
            if (IsOwn(session, task, (int)memory.DangerousGetHandle()))
            {
                return task;
            }

            task = session.ReadWord(task + (ulong)layout.TaskTasks) - (ulong)layout.TaskTasks;
        }
        while (task != first);

        throw new MemProcException(Operation.ReadKernelMemory, Errno.ESRCH,
            "This process was not found in the kernel's list of tasks; it may have changed meanwhile. Try again.");
    }

    private static bool IsOwn(KernelSession session, ulong task, int descriptor)
    {
        KernelLayout layout = session.Layout;
        ulong memory = session.ReadWord(task + (ulong)layout.TaskMemory);
        ulong open = session.ReadWord(task + (ulong)layout.TaskFiles);
        if (memory == 0 || open == 0)
        {
            return false;
        }

        ulong table = session.ReadWord(open + (ulong)layout.FilesTable);
        // The number of descriptors is the table's first member.
        return session.ReadHalf(table) > (uint)descriptor
            && session.ReadWord(session.ReadWord(table + (ulong)layout.TableFiles) + 8 * (ulong)descriptor) is var file and not 0
            && session.ReadWord(file + (ulong)layout.FilePrivate) == memory;
    }

    private static ulong FirstAddress(KernelFiles files)
    {
        string symbols = $"{files.Proc}/kallsyms";
        string? line = !File.Exists(symbols) ? null
            : File.ReadLines(symbols).FirstOrDefault(line => line.EndsWith(FirstTask, StringComparison.Ordinal));
        return line is not null && ulong.TryParse(line.AsSpan(0, line.IndexOf(' ', StringComparison.Ordinal)),
            NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address) && address != 0
            ? address
            : throw new MemProcException(Operation.ReadKernelMemory, Errno.EPERM, "/proc/kallsyms does not tell where the kernel's list of "
                + "tasks begins: it takes CAP_SYSLOG, or kernel.kptr_restrict below 2, and CONFIG_KALLSYMS_ALL.");
    }
}

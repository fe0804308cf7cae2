using System.Globalization;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Finds this process in the kernel's list of tasks, for a method that cannot identify the caller. It opens its own
/// <c>/proc/self/mem</c> and looks for the task whose descriptor of that number has that task's mm_struct.
/// </summary>
internal static class KernelTasks
{
    private const string FirstTask = " init_task";

    /// <summary>Returns the address of this process' task_struct.</summary>
    /// <param name="reader">The kernel's memory.</param>
    /// <param name="files">Where procfs is mounted.</param>
    /// <exception cref="MemProcException">
    /// ReadKernelMemory: EPERM if kallsyms does not show where the list begins, ESRCH if this process is not in it.
    /// </exception>
    public static ulong FindOwn(KernelReader reader, KernelFiles files)
    {
        using SafeFileHandle memory = Libc.OpenAt(null, $"{files.Proc}/self/mem");
        ulong first = FirstAddress(files);
        ulong task = first;
        do
        {
            if (IsOwn(reader, task, (int)memory.DangerousGetHandle()))
            {
                return task;
            }

            task = reader.ReadUInt64(task, reader.Layout.TaskTasks) - (ulong)reader.Layout.TaskTasks;
        }
        while (task != first);

        throw new MemProcException(Operation.ReadKernelMemory, Errno.ESRCH,
            "This process was not found in the kernel's list of tasks, which may have changed during the search. Try again.");
    }

    private static bool IsOwn(KernelReader reader, ulong task, int descriptor)
    {
        KernelOffsets layout = reader.Layout;
        ulong memory = reader.ReadUInt64(task, layout.TaskMemory);
        ulong files = reader.ReadUInt64(task, layout.TaskFiles);
        if (memory == 0 || files == 0)
        {
            return false;
        }

        ulong table = reader.ReadUInt64(files, layout.FilesTable);
        // max_fds is the first member of fdtable.
        return reader.ReadUInt32(table, 0) > (uint)descriptor
            && reader.ReadUInt64(reader.ReadUInt64(table, layout.TableFiles), sizeof(ulong) * descriptor) is var file and not 0
            && reader.ReadUInt64(file, layout.FilePrivate) == memory;
    }

    private static ulong FirstAddress(KernelFiles files)
    {
        string symbols = $"{files.Proc}/kallsyms";
        CallerRights rights = CallerRights.Read(files);
        string? line = !File.Exists(symbols) ? null
            : File.ReadLines(symbols).FirstOrDefault(line => line.EndsWith(FirstTask, StringComparison.Ordinal));
        return line is not null && ulong.TryParse(line.AsSpan(0, line.IndexOf(' ', StringComparison.Ordinal)),
            NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address) && address != 0
            ? address
            : throw new MemProcException(Operation.ReadKernelMemory, Errno.EPERM,
                rights.MissingFile(symbols, NotShown(symbols, rights)));
    }

    private static string NotShown(string symbols, CallerRights rights) =>
        $"{symbols} does not show where the kernel's list of tasks begins. "
        + (rights.Has(Capability.Syslog) ? string.Empty : $"{rights.Explain([Capability.Syslog])} ")
        + "It is shown where kernel.kptr_restrict is below 2, and the kernel has CONFIG_KALLSYMS_ALL.";
}

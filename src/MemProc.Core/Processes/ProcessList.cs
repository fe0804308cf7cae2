using System.Globalization;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>Lists processes.</summary>
public static class ProcessList
{
    /// <summary>Returns the ids of all processes in procfs, in ascending order.</summary>
    public static int[] Ids(KernelFiles? files = null)
    {
        List<int> ids = [];
        foreach (string folder in Directory.EnumerateDirectories((files ?? KernelFiles.Default).Proc))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int id))
            {
                ids.Add(id);
            }
        }

        ids.Sort();
        return [.. ids];
    }

    /// <summary>
    /// Returns the name of a process: that of its command where the kernel has truncated it to 15 bytes, otherwise the
    /// kernel's; null where the process has exited.
    /// </summary>
    /// <param name="processId">The process id.</param>
    /// <param name="files">The mount point of procfs.</param>
    public static string? Name(int processId, KernelFiles? files = null)
    {
        string? name = Text(processId, "comm", files)?.TrimEnd('\n');
        if (name is null || Encoding.UTF8.GetByteCount(name) < 15)
        {
            return name;
        }

        string command = Path.GetFileName(CommandLine(processId, files)?.Split(' ')[0] ?? string.Empty);
        return command.StartsWith(name, StringComparison.Ordinal) ? command : name;
    }

    /// <summary>Whether a process is a kernel thread; false where it has exited.</summary>
    /// <param name="processId">The process id.</param>
    /// <param name="files">The mount point of procfs.</param>
    public static bool IsKernelThread(int processId, KernelFiles? files = null) =>
        Text(processId, "stat", files) is string stat && ProcessStat.TryParse(Encoding.UTF8.GetBytes(stat), out ProcessStat found)
        && found.IsKernelThread;

    /// <summary>
    /// Returns the arguments of a process, separated by spaces; null where the process has exited, empty for kernel
    /// threads.
    /// </summary>
    /// <param name="processId">The process id.</param>
    /// <param name="files">The mount point of procfs.</param>
    public static string? CommandLine(int processId, KernelFiles? files = null)
    {
        string? text = Text(processId, "cmdline", files);
        if (text?.Length == 0)
        {
            // A main thread that has exited before the others has none.
            text = Threads(processId, files).Select(thread => Text(processId, $"task/{thread}/cmdline", files))
                .FirstOrDefault(found => found is { Length: > 0 }) ?? text;
        }

        return text?.TrimEnd('\0').Replace('\0', ' ');
    }

    private static string[] Threads(int processId, KernelFiles? files)
    {
        try
        {
            return [.. Directory.EnumerateDirectories($"{(files ?? KernelFiles.Default).Proc}/{processId}/task")
                .Select(folder => Path.GetFileName(folder))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string? Text(int processId, string name, KernelFiles? files) => KernelFiles.TryReadText(
        $"{(files ?? KernelFiles.Default).Proc}/{processId}/{name}", maxBytes: 4096);
}

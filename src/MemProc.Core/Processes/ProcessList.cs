using System.Globalization;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>Which processes there are.</summary>
public static class ProcessList
{
    /// <summary>The ids of all processes that procfs shows, in rising order.</summary>
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
    /// The process' name: of its command where that begins with what the kernel has cut off after 15 bytes, else
    /// the kernel's own; null where the process is gone.
    /// </summary>
    /// <param name="processId">The process id.</param>
    /// <param name="files">Where procfs is.</param>
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

    /// <summary>
    /// The arguments that the process was started with, blanks between them; null where the process is gone, empty
    /// for threads of the kernel.
    /// </summary>
    /// <param name="processId">The process id.</param>
    /// <param name="files">Where procfs is.</param>
    public static string? CommandLine(int processId, KernelFiles? files = null) =>
        Text(processId, "cmdline", files)?.TrimEnd('\0').Replace('\0', ' ');

    private static string? Text(int processId, string name, KernelFiles? files)
    {
        string path = $"{(files ?? KernelFiles.Default).Proc}/{processId}/{name}";
        if (Libc.TryOpenAt(null, path, OpenAccess.ReadOnly, out var file) != Errno.None)
        {
            return null;
        }

        using (file)
        {
            byte[] buffer = new byte[4096];
            return Libc.TryPRead(file!, buffer, 0, out int read) == Errno.None
                ? Encoding.UTF8.GetString(buffer, 0, read)
                : null;
        }
    }
}

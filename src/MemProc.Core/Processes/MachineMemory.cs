using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>Reads the memory counters of the machine (<c>/proc/meminfo</c>).</summary>
internal static class MachineMemory
{
    private const string FileName = "meminfo";

    /// <summary>
    /// Returns the counters in bytes, by their names. None where procfs does not have the file, as with subset=pid.
    /// </summary>
    /// <param name="files">Where procfs is.</param>
    public static Dictionary<string, ulong> Read(KernelFiles files) =>
        Parse(KernelFiles.TryReadText($"{files.Proc}/{FileName}"));

    /// <summary>Returns the counters of the machine of a process; for a core, those of the time of the save.</summary>
    /// <param name="process">The process.</param>
    public static Dictionary<string, ulong> Read(MemoryTarget process) => Parse(process.TryReadMachineText(FileName));

    private static Dictionary<string, ulong> Parse(string? content)
    {
        Dictionary<string, ulong> counters = [];
        foreach (string text in content?.Split('\n') ?? [])
        {
            if (StatusLine.TryParse(Encoding.UTF8.GetBytes(text), out StatusLine line) && line.TryBytes(out ulong bytes))
            {
                counters[Encoding.UTF8.GetString(line.Name)] = bytes;
            }
        }

        return counters;
    }
}

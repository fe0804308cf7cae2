using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>Reads the memory counters of the machine (<c>/proc/meminfo</c>).</summary>
internal static class MachineMemory
{
    /// <summary>
    /// Returns the counters in bytes, by their names. None where procfs does not have the file, as with subset=pid.
    /// </summary>
    /// <param name="files">Where procfs is.</param>
    public static Dictionary<string, ulong> Read(KernelFiles files)
    {
        Dictionary<string, ulong> counters = [];
        foreach (string text in KernelFiles.TryReadText($"{files.Proc}/meminfo")?.Split('\n') ?? [])
        {
            if (StatusLine.TryParse(Encoding.UTF8.GetBytes(text), out StatusLine line) && line.TryBytes(out ulong bytes))
            {
                counters[Encoding.UTF8.GetString(line.Name)] = bytes;
            }
        }

        return counters;
    }
}

using System.Buffers.Text;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>Reads the memory counters of a process.</summary>
public static class MemoryStatusReader
{
    /// <summary>Reads the counters of <c>/proc/PID/status</c>, which every user may read.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ReadStatus, ESRCH: the process is a kernel thread, has exited, or has no memory for another reason.
    /// </exception>
    public static ProcMemoryStatus Read(MemoryTarget process)
    {
        (string? state, int? threadCount, Dictionary<string, ulong> counters) = ReadStatus(process);
        return new ProcMemoryStatus(process.Identity, state, threadCount, counters);
    }

    /// <summary>
    /// Reads the counters of status and of <c>/proc/PID/smaps_rollup</c>. The kernel walks the whole page table for the
    /// latter and blocks the process meanwhile.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ReadStatus as for <see cref="Read"/>; ReadRollup: EACCES where the process may not be read, ENOENT on kernels
    /// that lack the file, ESRCH where the process exits meanwhile.
    /// </exception>
    public static ProcMemoryStatusDetail ReadDetailed(MemoryTarget process)
    {
        (string? state, int? threadCount, Dictionary<string, ulong> counters) = ReadStatus(process);
        AddRollup(process, counters);
        return new ProcMemoryStatusDetail(process.Identity, state, threadCount, counters);
    }

    private static (string? State, int? ThreadCount, Dictionary<string, ulong> Counters) ReadStatus(
        MemoryTarget process)
    {
        string? state = null;
        int? threadCount = null;
        Dictionary<string, ulong> counters = new(48);
        using ProcfsLines lines = new(process, "status", Operation.ReadStatus);
        while (lines.MoveNext())
        {
            if (!StatusLine.TryParse(lines.Current, out StatusLine line))
            {
                continue;
            }

            if (line.TryBytes(out ulong bytes))
            {
                counters[Encoding.UTF8.GetString(line.Name)] = bytes;
            }
            else if (line.Name.SequenceEqual("State"u8))
            {
                state = StateName(line.Text);
            }
            else if (line.Name.SequenceEqual("Threads"u8) && Utf8Parser.TryParse(line.Text, out int count, out _))
            {
                threadCount = count;
            }
        }

        process.ThrowIfExited(Operation.ReadStatus);
        return counters.Count > 0 ? (state, threadCount, counters) : throw process.NoMemory(Operation.ReadStatus);
    }

    private static void AddRollup(MemoryTarget process, Dictionary<string, ulong> counters)
    {
        int known = counters.Count;
        using ProcfsLines lines = OpenRollup(process);
        SmapsCounters rollup = new(counters);
        while (lines.MoveNext())
        {
            rollup.Add(lines.Current);
        }

        process.ThrowIfExited(Operation.ReadRollup);
        if (counters.Count == known)
        {
            throw process.NoMemory(Operation.ReadRollup);
        }
    }

    private static ProcfsLines OpenRollup(MemoryTarget process)
    {
        try
        {
            return new ProcfsLines(process, "smaps_rollup", Operation.ReadRollup);
        }
        catch (MemProcException error) when (error.Errno == Errno.ENOENT)
        {
            throw new MemProcException(Operation.ReadRollup, Errno.ENOENT,
                $"Process {process.Identity}: this kernel has no smaps_rollup (Linux 4.14, CONFIG_PROC_PAGE_MONITOR).",
                process.Id);
        }
    }

    /// <summary>Returns the name of a state, which follows its letter: <c>S (sleeping)</c>.</summary>
    private static string StateName(ReadOnlySpan<byte> state)
    {
        int open = state.IndexOf((byte)'(');
        return Encoding.UTF8.GetString(open >= 0 && state[^1] == ')' ? state[(open + 1)..^1] : state);
    }
}

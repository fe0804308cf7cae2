using System.Globalization;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>Reads how much more memory a process can have: its counters, and the limits that apply to it.</summary>
public static class MemoryHeadroomReader
{
    /// <summary>The warning where files of a process cannot be read by this user.</summary>
    public const string SomeHidden = "Some files of a process are not readable for this user, so their numbers are empty: "
        + "HiddenFiles names them. Those of another user's process require CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.";

    /// <summary>Reads the limits. The list of mappings is read once, to count them.</summary>
    /// <param name="process">The process; a core has what was saved with its page information.</param>
    /// <param name="cancellation">Stops the read.</param>
    /// <exception cref="MemProcException">
    /// As for <see cref="MemoryStatusReader.Read"/>; ReadStatus, ENODATA: a core without page information.
    /// </exception>
    public static ProcMemoryHeadroom Read(MemoryTarget process, CancellationToken cancellation = default)
    {
        if (process is CoreFile { HasPageInfo: false } core)
        {
            throw core.NoPageInfo(Operation.ReadStatus);
        }

        ProcMemoryStatus status = MemoryStatusReader.Read(process);
        List<string> hidden = [];
        int? mapCount = null;
        ReadLines(process, "maps", hidden, line =>
        {
            cancellation.ThrowIfCancellationRequested();
            // The vsyscall page is in the list, but does not count.
            mapCount = (mapCount ?? 0) + (line.EndsWith("[vsyscall]"u8) ? 0 : 1);
        });
        Dictionary<string, ulong> limits = [];
        ReadLines(process, "limits", hidden, line =>
        {
            if (LimitsLine.TryParse(line, out LimitsLine limit))
            {
                limits[Encoding.UTF8.GetString(limit.Name)] = limit.Soft;
            }
        });
        Dictionary<string, string> ksm = [];
        ReadLines(process, "ksm_stat", hidden, line =>
        {
            if (Encoding.UTF8.GetString(line).Split(' ', StringSplitOptions.RemoveEmptyEntries) is [string name, string value])
            {
                ksm[name.TrimEnd(':')] = value;
            }
        });
        string? merging = null, score = null, adjustment = null;
        ReadLines(process, "ksm_merging_pages", hidden, line => merging = Encoding.UTF8.GetString(line));
        ReadLines(process, "oom_score", hidden, line => score = Encoding.UTF8.GetString(line));
        ReadLines(process, "oom_score_adj", hidden, line => adjustment = Encoding.UTF8.GetString(line));
        CgroupMemory? cgroup = CgroupMemory.Read(process);
        process.ThrowIfExited(Operation.ReadStatus);
        return new ProcMemoryHeadroom(
            status, mapCount, limits, ksm, cgroup, MachineMemory.Read(process), [.. hidden.Distinct()])
        {
            MaxMapCount = Number(process.TryReadMachineText("sys/vm/max_map_count")),
            OomScore = (int?)SignedNumber(score),
            OomScoreAdj = (int?)SignedNumber(adjustment),
            KsmMergingPages = Number(merging) ?? Number(ksm.GetValueOrDefault("ksm_merging_pages")),
        };
    }

    /// <summary>Reads the lines of a file; none where the kernel lacks it, or this user may not read it.</summary>
    private static void ReadLines(MemoryTarget process, string name, List<string> hidden, LineHandler handle)
    {
        try
        {
            using ProcfsLines lines = new(process, name, Operation.ReadStatus);
            while (lines.MoveNext())
            {
                handle(lines.Current);
            }
        }
        catch (MemProcException error) when (error.Errno is Errno.EACCES or Errno.EPERM)
        {
            hidden.Add(name);
        }
        catch (MemProcException error) when (error.Errno is Errno.ENOENT or Errno.ENODATA)
        {
            // A number of the file is null: this kernel, or this core, does not have it.
        }
    }

    internal static ulong? Number(string? text) =>
        ulong.TryParse(text?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : null;

    internal static long? SignedNumber(string? text) => long.TryParse(
        text?.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number : null;

    private delegate void LineHandler(ReadOnlySpan<byte> line);
}

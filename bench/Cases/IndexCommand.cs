using System.CommandLine;
using System.Globalization;

namespace MemProc.Bench;

/// <summary>
/// Builds the index of a process' frames and reports its pages and the bytes that it holds: the part of
/// <see cref="IndexCase"/> that runs in its own process, because its peak resident set is measured.
/// </summary>
internal sealed class IndexCommand : Command
{
    /// <summary>What the command line calls it.</summary>
    public const string CommandName = "index-of";

    /// <summary>Makes it.</summary>
    public IndexCommand()
        : base(CommandName)
    {
        Hidden = true;
        Argument<int> process = new("process");
        Arguments.Add(process);
        SetAction(given =>
        {
            long before = GC.GetTotalMemory(forceFullCollection: true);
            // Resets the peak (proc_pid_clear_refs(5)).
            File.WriteAllText("/proc/self/clear_refs", "5");
            long rss = Status("VmRSS:");
            PfnIndex index = PfnIndex.Build([given.GetValue(process)], _ => { }, error => throw error);
            long peak = Status("VmHWM:") - rss;
            long held = GC.GetTotalMemory(forceFullCollection: true) - before;
            Console.WriteLine($"{index.PageCount} {held} {peak}");
            GC.KeepAlive(index);
        });
    }

    /// <summary>A counter of this process, bytes.</summary>
    private static long Status(string name) => 1024 * long.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);
}

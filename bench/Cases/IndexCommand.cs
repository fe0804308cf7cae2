using System.CommandLine;

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
            PfnIndex index = PfnIndex.Build([given.GetValue(process)], _ => { }, error => throw error);
            long held = GC.GetTotalMemory(forceFullCollection: true) - before;
            Console.WriteLine($"{index.PageCount} {held}");
        });
    }
}

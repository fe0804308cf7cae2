using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc workingset</c>: measures the memory that a process accesses in a period.</summary>
internal sealed class WorkingSetCommand : ProcessCommand
{
    private static readonly Column<WorkingSet>[] Columns =
    [
        new("Start", -18, set => ConsoleFormat.Hex(set.Start)),
        new("Size", 10, set => ConsoleFormat.Size(set.SizeBytes)),
        new("Rss", 10, set => ConsoleFormat.Size(set.RssBytes)),
        new("Referenced", 10, set => ConsoleFormat.Size(set.ReferencedBytes)),
        new("Private", 10, set => ConsoleFormat.Size(set.PrivateReferencedBytes)),
        new("Shared", 10, set => ConsoleFormat.Size(set.SharedReferencedBytes)),
        new("Untracked", 10, set => ConsoleFormat.Size(set.UntrackedBytes)),
        new("Perm", -4, set => set.Permissions),
        new("Path", 0, set => SafeText.Escape(set.Path)),
    ];

    private static readonly Column<WorkingSetSummary>[] SummaryColumns =
    [
        new("PID", 7, sum => sum.ProcessId.ToString(CultureInfo.InvariantCulture)),
        new("Method", -10, sum => EnumNames.Of(sum.Method)),
        new("Seconds", 8, sum => sum.Seconds.ToString("0.0", CultureInfo.InvariantCulture)),
        new("Rss", 10, sum => ConsoleFormat.Size(sum.RssBytes)),
        new("Referenced", 10, sum => ConsoleFormat.Size(sum.ReferencedBytes)),
        new("Private", 10, sum => ConsoleFormat.Size(sum.PrivateReferencedBytes)),
        new("Shared", 10, sum => ConsoleFormat.Size(sum.SharedReferencedBytes)),
        new("Untracked", 10, sum => ConsoleFormat.Size(sum.UntrackedBytes)),
    ];

    private readonly Option<double?> _seconds = CommandOptions.Option<double?>(
        "--seconds", "SECONDS", "Duration of the measurement, 5 if omitted: 0.5, 60", text => NumberParser.ParseSeconds(text));

    private readonly Option<WorkingSetMethod?> _method = CommandOptions.EnumOption<WorkingSetMethod>(
        "--method", "METHOD", "How to detect accessed pages");

    private readonly Option<bool> _summary = CommandOptions.Switch("--summary", "One line for the whole process");

    public WorkingSetCommand()
        : base("workingset", "Measures which memory a process accesses in a period, by mapping. The process keeps running; "
            + "only the bits change that the kernel's reclaim uses.",
            "memproc workingset 1234 --seconds 10",
            "memproc workingset 1234 --method referenced --summary")
    {
        Options.Add(_seconds);
        Options.Add(_method);
        Options.Add(_summary);
    }

    protected override void Run(
        LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        using WorkingSetMeter meter = WorkingSetMeter.Open(
            parseResult.GetValue(_method) ?? WorkingSetMethod.Auto, cancellation: cancellation);
        if (!output.IsJson && meter.Reason is string reason)
        {
            output.Warn($"Measured by {EnumNames.Of(meter.Method)}: {reason}");
        }

        meter.Add(process);
        meter.Start();
        cancellation.WaitHandle.WaitOne(TimeSpan.FromSeconds(parseResult.GetValue(_seconds) ?? 5));
        cancellation.ThrowIfCancellationRequested();
        if (parseResult.GetValue(_summary))
        {
            output.WriteTable(SummaryColumns, [meter.Summarize(process)]);
            return;
        }

        output.WriteTable(Columns, meter.Read(process));
    }
}

using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc summary</c>: counts pages by their flags.</summary>
internal sealed class SummaryCommand : CliCommand
{
    private static readonly Column<PageFlagsSummary>[] Columns =
    [
        new("FlagSet", 18, summary => ConsoleFormat.Hex(summary.FlagSet)),
        new("Pages", 10, summary => summary.PageCount.ToString(CultureInfo.InvariantCulture)),
        new("Size", 10, summary => ConsoleFormat.Size(summary.SizeBytes)),
        new("Symbol", -44, summary => summary.Symbol),
        new("Flags", 0, summary => summary.IsSwapped
            ? string.Join(',', summary.Flags.Prepend("(in swap)"))
            : string.Join(',', summary.Flags)),
    ];

    private readonly Argument<int> _process = CommandOptions.Process("; the whole machine if omitted");

    private readonly Option<bool> _raw = CommandOptions.Switch(
        "--raw", "Count kernel-internal flags, and overloaded flags by their meaning");

    public SummaryCommand()
        : base("summary", "Counts the pages of a process, or of the whole machine, by their flags. Requires root.",
            "memproc summary",
            "memproc summary 1234 --raw")
    {
        _process.Arity = ArgumentArity.ZeroOrOne;
        Arguments.Add(_process);
        Options.Add(_raw);
    }

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        using FrameTables tables = new(FrameAttributes.Flags);
        FlagTallyBuilder count = new(tables, parseResult.GetValue(_raw), new PageFilter(), cancellation);
        if (parseResult.Has(_process))
        {
            using LinuxProcess process = LinuxProcess.Open(parseResult.GetValue(_process));
            count.AddProcess(process);
        }
        else
        {
            count.AddMachine();
        }

        output.WriteTable(Columns, count.Counts.Summaries);
    }
}

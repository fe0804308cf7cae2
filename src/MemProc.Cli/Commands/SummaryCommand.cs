using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc summary</c>: counts pages by their flags.</summary>
internal sealed class SummaryCommand : CliCommand
{
    private static readonly Column<PageFlagsSummary>[] Columns =
    [
        new("FlagSet", 18, summary => Show.Hex(summary.FlagSet)),
        new("Pages", 10, summary => summary.PageCount.ToString(CultureInfo.InvariantCulture)),
        new("Size", 10, summary => Show.Size(summary.SizeBytes)),
        new("Symbol", -44, summary => summary.Symbol),
        new("Flags", 0, summary => summary.IsSwapped
            ? string.Join(',', summary.Flags.Prepend("(in swap)"))
            : string.Join(',', summary.Flags)),
    ];

    private readonly Argument<int> _process = Given.Process("; the whole machine if omitted");

    private readonly Option<bool> _raw = Given.Switch(
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

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        using FrameTables tables = new(FrameFields.Flags);
        FrameCount count = new(tables, given.GetValue(_raw), new PageFilter(), cancellation);
        if (given.Has(_process))
        {
            using LinuxProcess process = LinuxProcess.Open(given.GetValue(_process));
            count.AddProcess(process);
        }
        else
        {
            count.AddRange(0, ulong.MaxValue);
        }

        output.WriteTable(Columns, count.Counts.Summaries);
    }
}

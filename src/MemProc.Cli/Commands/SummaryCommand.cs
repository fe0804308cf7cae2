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

    private readonly Option<PfnRange[]> _pfns = CommandOptions.List(
        "--pfn", "PFN", "Count these frames: a number, or a range FIRST..LAST, FIRST.. or ..LAST",
        text => PfnRange.Parse(text, allowOpen: true));

    private readonly Option<PfnRange[]> _addresses = FrameOptions.PhysicalAddresses();

    private readonly Option<string[]> _files = CommandOptions.List(
        "--file", "PATH", "Count the cached pages of a file, or of all files in a folder", text => text);

    private readonly FrameFilterOptions _filter = new();
    private readonly FrameTableOptions _tables = new();

    public SummaryCommand()
        : base("summary", "Counts the pages of a process, of a core, of files, of frames, or of the whole machine by their flags. "
            + "Requires root.",
            "memproc summary",
            "memproc summary 1234 --raw",
            "memproc summary --file /usr/lib",
            "memproc summary --core core.1234",
            "memproc summary --kpageflags saved.bin --pfn 0x100000..")
    {
        _process.Arity = ArgumentArity.ZeroOrOne;
        Arguments.Add(_process);
        Options.Add(_raw);
        Options.Add(_pfns);
        Options.Add(_addresses);
        Options.Add(_files);
        _filter.AddTo(this);
        _tables.AddTo(this);
    }

    protected override string? Validate(ParseResult parseResult)
    {
        bool[] given =
        [
            parseResult.Has(_process), parseResult.Has(_pfns) || parseResult.Has(_addresses), parseResult.Has(_files),
        ];
        return given.Count(has => has) > 1 ? "Specify PID, --pfn, --physical-address, or --file."
            : _tables.IsOfCore(parseResult) && (given[0] || given[2]) ? "Specify --core, PID, or --file."
            : _tables.IsSaved(parseResult) && (given[0] || given[2])
            ? "A saved table has no processes or files: --kpageflags can be combined with --pfn and --physical-address only."
            : _filter.Validate(parseResult) ?? _tables.Validate(parseResult, _filter);
    }

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        using CoreFile? core = _tables.OpenCore(parseResult, cancellation);
        FrameFilter filter = _filter.Filter(parseResult, core);
        using FrameTables tables = _tables.Open(parseResult, FrameAttributes.Flags | filter.RequiredFields, core);
        FlagTallyBuilder count = new(tables, parseResult.GetValue(_raw), new PageFilter { Frame = filter }, cancellation);
        if (parseResult.Has(_process))
        {
            using LinuxProcess process = LinuxProcess.Open(parseResult.GetValue(_process));
            count.AddProcess(process);
        }
        else if (parseResult.Has(_files))
        {
            CountFiles(parseResult.GetValue(_files)!, filter, count.Counts, output, cancellation);
        }
        else
        {
            PfnRange[] ranges = [.. parseResult.GetValue(_pfns) ?? [], .. parseResult.GetValue(_addresses) ?? []];
            if (ranges.Length == 0 && core is not null)
            {
                count.AddProcess(core);
            }
            else if (ranges.Length == 0)
            {
                count.AddMachine();
            }

            foreach (PfnRange range in ranges)
            {
                output.ReportErrors(() => count.AddRange(range));
            }
        }

        output.WriteTable(Columns, count.Counts.Summaries);
    }

    private static void CountFiles(
        string[] paths, FrameFilter filter, FlagTally counts, Output output, CancellationToken cancellation)
    {
        using FilePageWalk walk = new(withFlags: true, cancellation: cancellation);
        foreach (string file in paths.SelectMany(path => FileTree.EnumerateFiles(
            Path.GetFullPath(path), recurse: true, _ => { }, error => output.Fail(error.Message), cancellation)))
        {
            output.ReportErrors(() => walk.Count(file, filter, counts));
        }
    }
}

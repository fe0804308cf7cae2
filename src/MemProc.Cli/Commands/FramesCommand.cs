using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc frames</c>: counts page frames by what they are used for, or whom they belong to.</summary>
internal sealed class FramesCommand : CliCommand
{
    private static readonly Column<PageFrameGroup>[] Columns =
    [
        new("Pages", 10, group => group.PageCount.ToString(CultureInfo.InvariantCulture)),
        new("Size", 10, group => ConsoleFormat.Size(group.SizeBytes)),
        new("%", 5, group => group.Percent.ToString("f1", CultureInfo.InvariantCulture)),
        new("Name", 0, group => SafeText.Escape(group.Name)),
    ];

    private readonly Option<PageFrameGrouping?> _by = CommandOptions.EnumOption<PageFrameGrouping>(
        "--by", "GROUPING", "By what to count; kind if omitted");

    private readonly Option<PfnRange[]> _pfns = CommandOptions.List(
        "--pfn", "PFN", "Only these frames: 0xc963, or 0x1000..0x1fff", PfnRange.Parse);

    private readonly PageFrameFilterOptions _filter = new();

    public FramesCommand()
        : base("frames", "Counts the page frames of the machine by what they are used for, or whom they belong to. Requires root.",
            "memproc frames",
            "memproc frames --by file --kind file",
            "memproc frames --by slab --kind slab")
    {
        Options.Add(_by);
        Options.Add(_pfns);
        _filter.AddTo(this);
    }

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        using PageFrameMeter meter = new(_filter.Source(parseResult), cancellation: cancellation);
        UnreadProcesses unread = new();
        IReadOnlyList<PageFrameGroup> groups = meter.Count(
            parseResult.GetValue(_by) ?? PageFrameGrouping.Kind,
            parseResult.GetValue(_pfns) is { Length: > 0 } ranges ? ranges : null, _filter.Filter(parseResult), unread.Add);
        if (groups.Count > 0 && !output.IsJson)
        {
            output.WriteLine($"{groups[0].Total}\n");
        }

        output.WriteTable(Columns, groups);
        if (unread.Count > 0)
        {
            output.Warn(unread.Of(ProcessList.Ids().Length, "map frames"));
        }
    }
}

using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc flags</c>: shows the flags, map counts and cgroups of page frames.</summary>
internal sealed class FlagsCommand : CliCommand
{
    private static readonly Column<PageFlags>[] Columns =
    [
        new("Pfn", 12, frame => ConsoleFormat.Hex(frame.Pfn)),
        new("Maps", 6, frame => frame.MapCount?.ToString(CultureInfo.InvariantCulture) ?? "-"),
        new("Cgroup", 8, frame => frame.CgroupInode?.ToString(CultureInfo.InvariantCulture) ?? "-"),
        new("RawFlags", 18, frame => ConsoleFormat.Hex(frame.RawFlags)),
        new("Flags", 0, frame => string.Join(',', frame.Flags)),
    ];

    private static readonly Column<PageFlags>[] RunColumns =
    [
        Columns[0],
        new("Pages", 9, frame => frame.PageCount.ToString(CultureInfo.InvariantCulture)),
        .. Columns[1..],
    ];

    private static readonly Column<PageFlagSet>[] SetColumns =
    [
        new("FlagSet", 18, set => ConsoleFormat.Hex(set.FlagSet)),
        new("Symbol", -44, set => set.Symbol),
        new("Flags", 0, set => string.Join(',', set.Flags)),
    ];

    private readonly FrameOptions _frames = new();

    private readonly Option<ulong?> _count = CommandOptions.Option<ulong?>(
        "--count", "FRAMES", "Number of frames from each PFN on", text => NumberParser.ParseCount(text));

    private readonly Option<bool> _raw = CommandOptions.Switch(
        "--raw", "Show kernel-internal flags, and overloaded flags by their meaning");

    private readonly Option<bool> _run = CommandOptions.Switch(
        "--run", "Join consecutive frames with the same flags, map count and cgroup into one line");

    private readonly FrameFilterOptions _filter = new();
    private readonly FrameTableOptions _tables = new();

    private readonly Option<ulong[]> _describe = CommandOptions.List(
        "--describe", "FLAGS", "Show the flags of a number or a list such as 0x10,anon. No frame is read", FlagText.ParseSet);

    public FlagsCommand()
        : base("flags", "Shows the flags, map counts and cgroups of page frames. Requires root.",
            "memproc flags 0xc963",
            "memproc flags 0x1000..0x1fff --run",
            "memproc flags 0x5f0000.. --kpageflags saved.bin",
            "memproc flags --physical-address 0xcd8c000",
            "memproc flags --core core.1234 --run",
            "memproc flags --describe 0x86c")
    {
        _frames.AddTo(this);
        Options.Add(_count);
        Options.Add(_raw);
        Options.Add(_run);
        _filter.AddTo(this);
        _tables.AddTo(this);
        Options.Add(_describe);
    }

    protected override string? Validate(ParseResult parseResult) =>
        (_frames.Has(parseResult) || _tables.IsOfCore(parseResult)) == parseResult.Has(_describe)
            ? "Specify PFN, --physical-address, --core, or --describe."
            : _filter.Validate(parseResult) ?? _tables.Validate(parseResult, _filter);

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        if (parseResult.Has(_describe))
        {
            output.WriteTable(SetColumns, parseResult.GetValue(_describe)!.Select(set => new PageFlagSet(set)));
            return;
        }

        bool raw = parseResult.GetValue(_raw);
        bool run = parseResult.GetValue(_run);
        using CoreFile? core = _tables.OpenCore(parseResult, cancellation);
        FrameFilter filter = _filter.Filter(parseResult, core);
        ulong count = parseResult.GetValue(_count) ?? 1;
        using FrameTables tables = _tables.Open(parseResult, FrameAttributes.All, core);
        FrameWalk walk = new(tables, raw, filter);
        Table<PageFlags> table = output.BeginTable(run ? RunColumns : Columns);
        // Of a core without frames, all that it has.
        PfnRange[] ranges = _frames.Has(parseResult) ? _frames.Ranges(parseResult) : [new PfnRange(0, tables.End)];
        foreach (PfnRange range in ranges)
        {
            PfnRange frames = range with { Count = Math.Max(range.Count, count) };
            // A frame that does not exist does not stop the others.
            output.ReportErrors(() => table.AddEach(run ? walk.Runs(frames) : walk.Range(frames), cancellation));
        }

        table.End();
    }
}

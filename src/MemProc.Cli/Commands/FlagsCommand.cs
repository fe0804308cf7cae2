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

    private readonly FrameOptions _frames = new();

    private readonly Option<ulong?> _count = CommandOptions.Option<ulong?>(
        "--count", "FRAMES", "Number of frames from each PFN on", text => NumberParser.ParseCount(text));

    private readonly Option<bool> _raw = CommandOptions.Switch(
        "--raw", "Show kernel-internal flags, and overloaded flags by their meaning");

    public FlagsCommand()
        : base("flags", "Shows the flags, map counts and cgroups of page frames. Requires root.",
            "memproc flags 0xc963",
            "memproc flags 0x1000..0x1fff",
            "memproc flags --physical-address 0xcd8c000")
    {
        _frames.AddTo(this);
        Options.Add(_count);
        Options.Add(_raw);
    }

    protected override string? Validate(ParseResult parseResult) => _frames.Validate(parseResult);

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        bool raw = parseResult.GetValue(_raw);
        ulong count = parseResult.GetValue(_count) ?? 1;
        using FrameTables tables = new();
        Table<PageFlags> table = output.BeginTable(Columns);
        foreach (PfnRange range in _frames.Ranges(parseResult))
        {
            // A frame that does not exist does not stop the others.
            output.ReportErrors(() => table.AddEach(
                tables.ReadRange(range with { Count = Math.Max(range.Count, count) }, raw), cancellation));
        }

        table.End();
    }
}

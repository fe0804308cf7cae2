using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc map</c>: shows the mappings of a process.</summary>
internal sealed class MapCommand : ProcessCommand
{
    private static readonly Column<ProcMap>[] Columns =
    [
        new("Start", -18, map => ConsoleFormat.Hex(map.Start)),
        new("End", -18, map => ConsoleFormat.Hex(map.End)),
        new("Size", 10, map => ConsoleFormat.Size(map.SizeBytes)),
        new("Perm", -4, map => map.Permissions),
        new("Path", 0, ConsoleFormat.Path),
    ];

    private static readonly Column<ProcMapDetail>[] DetailColumns =
    [
        .. Columns[..^1].Select(column => column.For<ProcMapDetail>()),
        new("Rss", 10, map => ConsoleFormat.Size(map.RssBytes)),
        new("Pss", 10, map => ConsoleFormat.Size(map.PssBytes)),
        new("Uss", 10, map => ConsoleFormat.Size(map.UssBytes)),
        new("Swap", 10, map => ConsoleFormat.Size(map.SwapBytes)),
        Columns[^1].For<ProcMapDetail>(),
    ];

    private readonly Option<AddressExpression?> _address = CommandOptions.AddressOption("Only the mapping that contains this address");

    private readonly Option<bool> _next = CommandOptions.Switch(
        "--next", "The first mapping that ends after --address, even if it begins after it");

    private readonly MapFilterOptions _filter = new();

    private readonly Option<bool> _detailed = CommandOptions.Switch(
        "--detailed", "Show resident and swapped memory, and with --json all counters and flags of smaps");

    public MapCommand()
        : base("map", "Shows the mappings of a process.",
            "memproc map self",
            "memproc map 1234 --path '*libc*' --permission r-x",
            "memproc map 1234 --kind heap --kind stack --detailed")
    {
        Options.Add(_address);
        Options.Add(_next);
        _filter.AddTo(this);
        Options.Add(_detailed);
    }

    protected override string? Validate(ParseResult parseResult) =>
        parseResult.Has(_next) && !parseResult.Has(_address) ? "--next requires --address." : null;

    protected override void Run(
        LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        ulong? address = parseResult.Resolve(_address, process);
        if (parseResult.GetValue(_next))
        {
            address = MapReader.FindNext(process, address!.Value).Start;
        }

        IEnumerable<ProcMap> maps = MapSelection.Read(
            process, address, parseResult.GetValue(_detailed), _filter.Filter(parseResult), cancellation);
        if (parseResult.GetValue(_detailed))
        {
            output.WriteTable(DetailColumns, maps.Cast<ProcMapDetail>());
        }
        else
        {
            output.WriteTable(Columns, maps);
        }
    }
}

using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc map</c>: shows the mappings of a process.</summary>
internal sealed class MapCommand : TargetCommand
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

    private static readonly Column<ProcMapNuma>[] NumaColumns =
    [
        .. Columns[..^1].Select(column => column.For<ProcMapNuma>()),
        new("Rss", 10, map => ConsoleFormat.Size(map.ResidentBytes)),
        new("Policy", -12, map => SafeText.Escape(map.Policy ?? "-")),
        new("Nodes", -20, map => map.NodeText),
        Columns[^1].For<ProcMapNuma>(),
    ];

    private readonly Option<AddressExpression?> _address = CommandOptions.AddressOption("Only the mapping that contains this address");

    private readonly Option<bool> _next = CommandOptions.Switch(
        "--next", "The first mapping that ends after --address, even if it begins after it");

    private readonly MapFilterOptions _filter = new();

    private readonly Option<bool> _deleted = CommandOptions.Switch(
        "--deleted", "Only mappings of files that were deleted or replaced");

    private readonly Option<bool> _writableExecutable = CommandOptions.Switch(
        "--writable-executable", "Only mappings that are writable and executable");

    private readonly Option<bool> _detailed = CommandOptions.Switch(
        "--detailed", "Show resident and swapped memory, and with --json all counters and flags of smaps");

    private readonly Option<bool> _numa = CommandOptions.Switch(
        "--numa", "Show the memory policy, and the NUMA nodes of the resident pages");

    public MapCommand()
        : base("map", "Shows the mappings of a process.",
            "memproc map self",
            "memproc map 1234 --path '*libc*' --permission r-x",
            "memproc map 1234 --kind heap --kind stack --detailed")
    {
        Options.Add(_address);
        Options.Add(_next);
        _filter.AddTo(this);
        Options.Add(_deleted);
        Options.Add(_writableExecutable);
        Options.Add(_detailed);
        Options.Add(_numa);
    }

    protected override string? Validate(ParseResult parseResult) =>
        parseResult.GetValue(_detailed) && parseResult.GetValue(_numa) ? "--numa cannot be combined with --detailed."
        : parseResult.Has(_next) && !parseResult.Has(_address) ? "--next requires --address." : null;

    private MapFilter Filter(ParseResult parseResult) => _filter.Filter(
        parseResult, parseResult.GetValue(_deleted), parseResult.GetValue(_writableExecutable));

    protected override void Run(
        MemoryTarget process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        ulong? address = parseResult.Resolve(_address, process, cancellation);
        if (parseResult.GetValue(_next))
        {
            address = MapReader.FindNext(process, address!.Value, cancellation).Start;
        }

        if (parseResult.GetValue(_numa))
        {
            output.WriteTable(NumaColumns, MapSelection.ReadNuma(
                Live(process, "--numa"), address, Filter(parseResult), cancellation));
            return;
        }

        IEnumerable<ProcMap> maps = MapSelection.Read(
            process, address, parseResult.GetValue(_detailed), Filter(parseResult), cancellation);
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

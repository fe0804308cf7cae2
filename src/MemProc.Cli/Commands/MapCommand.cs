using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc map</c>: the mappings of a process.</summary>
internal sealed class MapCommand : CliCommand
{
    private static readonly Column<ProcMap>[] Columns =
    [
        new("Start", -18, map => Show.Hex(map.Start)),
        new("End", -18, map => Show.Hex(map.End)),
        new("Size", 10, map => Show.Size(map.SizeBytes)),
        new("Perm", -4, map => map.Permissions),
        new("Path", 0, Show.Path),
    ];

    private static readonly Column<ProcMapDetail>[] DetailColumns =
    [
        .. Columns[..^1].Select(column => column.For<ProcMapDetail>()),
        new("Rss", 10, map => Show.Size(map.RssBytes)),
        new("Pss", 10, map => Show.Size(map.PssBytes)),
        new("Uss", 10, map => Show.Size(map.UssBytes)),
        new("Swap", 10, map => Show.Size(map.SwapBytes)),
        Columns[^1].For<ProcMapDetail>(),
    ];

    private readonly Argument<int> _process = Given.Process();

    private readonly Option<ProcAddress?> _address = Given.AddressOption("Only the mapping that holds this address");

    private readonly Option<string[]> _path = Given.List(
        "--path", "PATTERN", "Only paths that fit: * is any text, ? one character; a pattern without a slash is held "
        + "against the file name", text => text);

    private readonly Option<string[]> _permission = Given.List(
        "--permission", "PATTERN", "Only permissions that fit: r-x, rw-p, '?w??', '*x*'", Permission);

    private readonly Option<ProcMapKind[]> _kind = Given.MapKinds();

    private readonly Option<bool> _detailed = Given.Switch(
        "--detailed", "Count what is resident and swapped; with --json every counter and flag of smaps");

    public MapCommand()
        : base("map", "Shows the mappings of a process.",
            "memproc map self",
            "memproc map 1234 --path '*libc*' --permission r-x",
            "memproc map 1234 --kind heap --kind stack --detailed")
    {
        Arguments.Add(_process);
        Options.Add(_address);
        Options.Add(_path);
        Options.Add(_permission);
        Options.Add(_kind);
        Options.Add(_detailed);
    }

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        MapFilter filter = given.Maps(_path, _permission, _kind);
        using LinuxProcess process = LinuxProcess.Open(given.GetValue(_process));
        ulong? address = given.GetValue(_address)?.Resolve(process);
        IEnumerable<ProcMap> maps =
            MapSelection.Read(process, address, given.GetValue(_detailed), filter, cancellation);
        if (given.GetValue(_detailed))
        {
            output.WriteTable(DetailColumns, maps.Cast<ProcMapDetail>());
        }
        else
        {
            output.WriteTable(Columns, maps);
        }
    }

    /// <summary>A pattern as it is; one that fits nothing is refused where it is given.</summary>
    internal static string Permission(string text) => new MapFilter { Permissions = [text] }.Permissions.Count > 0
        ? text
        : string.Empty;
}

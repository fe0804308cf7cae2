using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc folio</c>: measures in which folios the memory of a process is.</summary>
internal sealed class FolioCommand : ProcessCommand
{
    private static readonly Column<PageFolioSummary>[] Columns =
    [
        new("Kind", -13, folios => EnumNames.Of(folios.Kind)),
        new("FolioSize", 10, folios => HumanSize.Format(folios.FolioSizeBytes)),
        new("Mapping", -14, folios => EnumNames.Of(folios.Mapping)),
        new("Folios", 9, folios => folios.FolioCount.ToString(CultureInfo.InvariantCulture)),
        new("Size", 10, folios => HumanSize.Format(folios.SizeBytes)),
    ];

    private static readonly Column<PageFolioSummary>[] MapColumns =
    [
        new("Start", -18, folios => ConsoleFormat.Hex(folios.Start ?? 0)),
        .. Columns,
        new("Path", 0, folios => SafeText.Escape(folios.Path ?? string.Empty)),
    ];

    private readonly PageRangeOptions _range = new();
    private readonly MapFilterOptions _filter = new();
    private readonly Option<bool> _byMap = CommandOptions.Switch("--by-map", "Measure each mapping for itself");

    public FolioCommand()
        : base("folio", "Shows in folios of which size the memory of a process is, and how they are mapped. Requires root.",
            "memproc folio 1234",
            "memproc folio 1234 --kind anonymous --by-map")
    {
        _range.AddTo(this);
        _filter.AddTo(this);
        Options.Add(_byMap);
    }

    protected override string? Validate(ParseResult parseResult) => _range.Validate(parseResult);

    protected override void Run(
        LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        using FrameTables tables = new(FrameAttributes.Flags);
        bool byMap = parseResult.GetValue(_byMap);
        AddressRange range = _range.Address(parseResult, process, cancellation) is ulong address
            ? PageFolioMeter.RangeOf(address, _range.Length(parseResult))
            : AddressRange.All;
        output.WriteTable(byMap ? MapColumns : Columns,
            new PageFolioMeter(process, tables, cancellation).Measure(range, _filter.Filter(parseResult), byMap));
    }
}

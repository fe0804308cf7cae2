using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc idle</c>: marks the pages of a process as idle.</summary>
internal sealed class IdleCommand : ProcessCommand
{
    private static readonly Column<PageIdleMark>[] Columns =
    [
        new("Pages", 9, mark => Count(mark.PageCount)),
        new("Idle", 9, mark => Count(mark.IdleCount)),
        new("Touched", 9, mark => Count(mark.TouchedCount)),
        new("Unmarkable", 10, mark => Count(mark.UnmarkableCount)),
    ];

    private readonly PageRangeOptions _range = new();

    public IdleCommand()
        : base("idle", "Marks the pages of a process as idle, and shows how many are. A page that is accessed right "
            + "afterwards can be missed. Requires root, and a kernel with idle page tracking.",
            "memproc idle 1234",
            "memproc idle 1234 0x7ffd2de47000 --length 64K")
    {
        _range.AddTo(this);
    }

    protected override string? Validate(ParseResult parseResult) => _range.Validate(parseResult);

    protected override void Run(
        LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        using PageIdleMarker marker = new(cancellation: cancellation);
        PageIdleMark mark = _range.Address(parseResult, process, cancellation) is ulong address
            ? marker.Mark(process, address, _range.Length(parseResult) ?? 1)
            : marker.Mark(process);
        output.WriteTable(Columns, [mark]);
    }

    private static string Count(ulong pages) => pages.ToString(CultureInfo.InvariantCulture);
}

using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc idle</c>: marks pages as idle.</summary>
internal sealed class IdleCommand : CliCommand
{
    private static readonly Column<PageIdleMark>[] Columns =
    [
        new("Pages", 9, mark => Count(mark.PageCount)),
        new("Idle", 9, mark => Count(mark.IdleCount)),
        new("Touched", 9, mark => Count(mark.TouchedCount)),
        new("Unmarkable", 10, mark => Count(mark.UnmarkableCount)),
    ];

    private readonly Argument<int> _process = Given.Process();

    private readonly Argument<ProcAddress?> _address =
        Given.Address("The page that holds this address, or the first one; left out, the whole process", orNone: true);

    private readonly Option<ulong?> _length = Given.Option<ulong?>(
        "--length", "BYTES", "So many bytes from ADDRESS on: 4096, 0x1000, 16M", text => Numbers.Length(text));

    public IdleCommand()
        : base("idle", "Marks the pages of a process as idle, and tells how many are. A page that is touched right "
            + "after can go unseen. Takes root, and a kernel with idle page tracking.",
            "memproc idle 1234",
            "memproc idle 1234 0x7ffd2de47000 --length 64K")
    {
        Arguments.Add(_process);
        Arguments.Add(_address);
        Options.Add(_length);
    }

    protected override string? Fault(ParseResult given) =>
        given.Has(_length) && !given.Has(_address) ? "--length needs an ADDRESS to begin at." : null;

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        using PageIdleMarker marker = new(cancellation: cancellation);
        using LinuxProcess process = LinuxProcess.Open(given.GetValue(_process));
        PageIdleMark mark = given.GetValue(_address)?.Resolve(process) is ulong address
            ? marker.Mark(process, address, given.GetValue(_length) ?? 1)
            : marker.Mark(process);
        output.WriteTable(Columns, [mark]);
    }

    private static string Count(ulong pages) => pages.ToString(CultureInfo.InvariantCulture);
}

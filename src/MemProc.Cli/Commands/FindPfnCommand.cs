using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc find-pfn</c>: finds the processes that map page frames.</summary>
internal sealed class FindPfnCommand : CliCommand
{
    private static readonly Column<PfnOwner>[] Columns =
    [
        new("PID", 7, owner => owner.ProcessId.ToString(CultureInfo.InvariantCulture)),
        new("Name", -15, owner => SafeText.Escape(owner.ProcessName)),
        new("Pfn", 12, owner => ConsoleFormat.Hex(owner.Pfn)),
        new("Address", -18, owner => ConsoleFormat.Hex(owner.Address)),
        new("Perm", -4, owner => owner.Permissions),
        new("Path", 0, owner => SafeText.Escape(owner.Path)),
    ];

    private readonly FrameOptions _frames = new();

    private readonly Option<int[]> _ids = CommandOptions.List(
        "--id", "PID", "Only these processes", NumberParser.ParseProcessId);

    public FindPfnCommand()
        : base("find-pfn", "Finds the processes that map page frames, in one pass over all page tables. Requires root.",
            "memproc find-pfn 0xc963",
            "memproc find-pfn 0xc963 0xc964 --id 1234 self")
    {
        _frames.AddTo(this);
        _ids.AllowMultipleArgumentsPerToken = true;
        Options.Add(_ids);
    }

    protected override string? Validate(ParseResult parseResult) => _frames.Validate(parseResult);

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        int[]? chosen = parseResult.GetValue(_ids) is { Length: > 0 } some ? some : null;
        int[] ids = chosen ?? ProcessList.Ids();
        PfnRange[] ranges =
            [.. PfnSearch.OfThisMachine(_frames.Ranges(parseResult), error => output.Fail(error.Message))];
        UnseenMappings unseen = new(ranges);
        Table<PfnOwner> table = output.BeginTable(Columns);
        UnreadProcesses unread = new();
        void Fail(MemProcException error)
        {
            if (chosen is not null)
            {
                output.Fail(error.Message);
            }
            else
            {
                unread.Add(error);
            }
        }

        foreach (PfnOwner owner in new PfnSearch(ranges).In(ids, _ => { }, Fail, cancellation))
        {
            unseen.Add(owner);
            table.Add(owner);
            // Results can be far apart: each is written at once.
            output.Flush();
        }

        table.End();
        if (unread.Count > 0)
        {
            output.Warn($"{unread.Of(ids.Length, "map the frames")} Use --id with the id of one for the reason.");
        }
        else if (chosen is null && unseen.Describe() is string mappings)
        {
            output.Warn(mappings);
        }
    }
}

using System.CommandLine;
using System.Globalization;
using MemProc.Interop;

namespace MemProc.Cli;

/// <summary><c>memproc top</c>: shows the processes with the most memory.</summary>
internal sealed class TopCommand : CliCommand
{
    private const int DefaultCount = 10;

    private static readonly Column<ProcMemoryStatus>[] Columns =
    [
        new("PID", 7, status => status.ProcessId.ToString(CultureInfo.InvariantCulture)),
        new("VmSize", 10, status => ConsoleFormat.Size(status.VmSizeBytes)),
        new("VmRss", 10, status => ConsoleFormat.Size(status.VmRssBytes)),
        new("VmSwap", 10, status => ConsoleFormat.Size(status.VmSwapBytes)),
        new("Name", 0, status => SafeText.Escape(status.ProcessName)),
    ];

    private static readonly Column<ProcMemoryStatusDetail>[] DetailColumns =
    [
        .. Columns[..^1].Select(column => column.For<ProcMemoryStatusDetail>()),
        new("Pss", 10, status => ConsoleFormat.Size(status.PssBytes)),
        new("Uss", 10, status => ConsoleFormat.Size(status.UssBytes)),
        Columns[^1].For<ProcMemoryStatusDetail>(),
    ];

    private readonly Argument<int?> _count = new("COUNT")
    {
        Description = $"How many processes; {DefaultCount} if omitted",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<MemoryCounter?> _by = CommandOptions.EnumOption<MemoryCounter>(
        "--by", "COUNTER", "What to rank by, rss if omitted; pss and uss read the page tables of all processes");

    public TopCommand()
        : base("top", "Shows the processes with the most memory.", "memproc top", "memproc top 5 --by pss")
    {
        Arguments.Add(_count);
        Options.Add(_by);
    }

    protected override string? Validate(ParseResult parseResult) =>
        parseResult.GetValue(_count) < 1 ? "COUNT is a number of processes, at least 1." : null;

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        MemoryRanking ranking = new(parseResult.GetValue(_count) ?? DefaultCount, parseResult.GetValue(_by) ?? MemoryCounter.Rss);
        int unread = 0;
        foreach (int id in ProcessList.Ids())
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                using LinuxProcess process = LinuxProcess.Open(id);
                if (!process.IsKernelThread)
                {
                    ranking.Add(ranking.NeedsDetail ? MemoryStatusReader.ReadDetailed(process) : MemoryStatusReader.Read(process));
                }
            }
            catch (MemProcException error) when (error.Errno is Errno.ESRCH or Errno.EACCES or Errno.EPERM)
            {
                unread += error.Errno == Errno.ESRCH ? 0 : 1;
            }
        }

        IReadOnlyList<ProcMemoryStatus> largest = ranking.Take();
        if (ranking.NeedsDetail)
        {
            output.WriteTable(DetailColumns, largest.Cast<ProcMemoryStatusDetail>());
        }
        else
        {
            output.WriteTable(Columns, largest);
        }

        if (unread > 0)
        {
            output.Warn($"{unread} processes could not be read and are not in the list. Use memproc status with the id of one for the reason.");
        }
    }
}

using System.CommandLine;
using System.Globalization;
using MemProc.Interop;

namespace MemProc.Cli;

/// <summary><c>memproc sharing</c>: with whom a process shares its pages.</summary>
internal sealed class SharingCommand : CliCommand
{
    private static readonly Column<PageSharing>[] Columns =
    [
        new("Start", -18, sharing => Show.Hex(sharing.Start)),
        new("Pages", 8, sharing => sharing.PresentPages.ToString(CultureInfo.InvariantCulture)),
        new("Private", 8, sharing => sharing.PrivatePages.ToString(CultureInfo.InvariantCulture)),
        new("Pss", 10, sharing => Show.Size(sharing.PssBytes)),
        new("Sharers", 7, sharing => sharing.SharedWith.Length.ToString(CultureInfo.InvariantCulture)),
        new("Perm", -4, sharing => sharing.Permissions),
        new("Path", 0, sharing => SafeText.Escape(sharing.Path)),
    ];

    private readonly Argument<int> _process = Given.Process();

    private readonly Option<int[]> _among = Given.List(
        "--among", "PID", "Count only these processes as sharers, instead of all", Numbers.ProcessId);

    public SharingCommand()
        : base("sharing", "Shows which pages of a process are its own, and with whom it shares the others. Takes root.",
            "memproc sharing 1234",
            "memproc sharing 1234 --among 1235 1236 --json | jq .sharedWith")
    {
        Arguments.Add(_process);
        _among.AllowMultipleArgumentsPerToken = true;
        Options.Add(_among);
    }

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        using LinuxProcess process = LinuxProcess.Open(given.GetValue(_process));
        bool isChosen = given.Has(_among);
        int[] ids = isChosen ? [.. given.GetValue(_among)!.Append(process.Id).Distinct()] : ProcessList.Ids();
        List<MemProcException> refused = [];
        PfnIndex index = PfnIndex.Build(ids, _ => { }, refused.Add, cancellation: cancellation);
        output.WriteTable(Columns, new PageSharingReader(index, cancellation).Read(process));
        foreach (MemProcException error in refused.Where(_ => isChosen))
        {
            output.Fail(error.Message);
        }

        // A process that has ended, or is a thread of the kernel, maps nothing.
        int unread = isChosen ? 0 : refused.Count(error => error.Errno != Errno.ESRCH);
        if (unread > 0)
        {
            output.Tell($"{unread} of {ids.Length} processes could not be read and may share pages too; --among with the "
                + "id of one says why.");
        }
    }
}

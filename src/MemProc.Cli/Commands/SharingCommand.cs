using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc sharing</c>: shows the processes that share the pages of a process.</summary>
internal sealed class SharingCommand : ProcessCommand
{
    private static readonly Column<PageSharing>[] Columns =
    [
        new("Start", -18, sharing => ConsoleFormat.Hex(sharing.Start)),
        new("Pages", 8, sharing => sharing.PresentPages.ToString(CultureInfo.InvariantCulture)),
        new("Private", 8, sharing => sharing.PrivatePages.ToString(CultureInfo.InvariantCulture)),
        new("Pss", 10, sharing => ConsoleFormat.Size(sharing.PssBytes)),
        new("Sharers", 7, sharing => string.Create(
            CultureInfo.InvariantCulture, $"{sharing.SharedWith.Length}{(sharing.UnseenSharedPages > 0 ? "+" : string.Empty)}")),
        new("Perm", -4, sharing => sharing.Permissions),
        new("Path", 0, sharing => SafeText.Escape(sharing.Path)),
    ];

    private readonly Option<int[]> _among = CommandOptions.List(
        "--among", "PID", "Count only these processes as sharers", NumberParser.ParseProcessId);

    private readonly Option<bool> _summary = CommandOptions.Switch(
        "--summary", "Own and shared memory of the process, and a line for each process that it shares with");

    public SharingCommand()
        : base("sharing", "Shows which pages of a process are private, and which processes share the others. Requires root.",
            "memproc sharing 1234",
            "memproc sharing 1234 --summary",
            "memproc sharing 1234 --among 1235 1236 --json | jq .sharedWith")
    {
        _among.AllowMultipleArgumentsPerToken = true;
        Options.Add(_among);
        Options.Add(_summary);
    }

    protected override void Run(
        LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        bool isChosen = parseResult.Has(_among);
        int[] ids = isChosen ? [.. parseResult.GetValue(_among)!.Append(process.Id).Distinct()] : ProcessList.Ids();
        List<MemProcException> refused = [];
        PfnIndex index = PfnIndex.BuildShared(process, ids, _ => { }, refused.Add, cancellation);
        IEnumerable<PageSharing> mappings = new PageSharingReader(index, cancellation: cancellation).Read(process);
        if (parseResult.GetValue(_summary))
        {
            Write(PageSharingSummary.Of(process, mappings), output);
        }
        else
        {
            output.WriteTable(Columns, mappings);
        }

        UnreadProcesses unread = new();
        foreach (MemProcException error in refused)
        {
            if (isChosen)
            {
                output.Fail(error.Message);
            }
            else
            {
                unread.Add(error);
            }
        }

        if (unread.Count > 0)
        {
            output.Warn($"{unread.Of(ids.Length, "share pages")} Use --among with the id of one for the reason.");
        }
    }

    private static void Write(PageSharingSummary sum, Output output)
    {
        if (output.IsJson)
        {
            output.WriteJson(sum);
            return;
        }

        output.WriteLine($"Process {sum.ProcessId} ({SafeText.Escape(sum.ProcessName)}): {HumanSize.Format(sum.UssBytes)} own, "
            + $"{HumanSize.Format(sum.SharedBytes)} shared, Pss {HumanSize.Format(sum.PssBytes)}, Rss "
            + $"{HumanSize.Format(sum.RssBytes)}");
        if (sum.UnseenSharedBytes is > 0 and ulong unseen)
        {
            output.WriteLine($"{HumanSize.Format(unseen),10} with processes that were not read");
        }

        foreach (PageSharer sharer in sum.SharedWith)
        {
            output.WriteLine($"{HumanSize.Format(sharer.SizeBytes),10} with {sharer.ProcessId} ({SafeText.Escape(sharer.ProcessName)})");
        }
    }
}

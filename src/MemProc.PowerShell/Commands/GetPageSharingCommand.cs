using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-PageSharing: gets the processes that share pages with a process.</summary>
[Cmdlet(VerbsCommon.Get, "PageSharing")]
[OutputType(typeof(PageSharing))]
public sealed class GetPageSharingCommand : ProcessCommand
{
    private PfnIndex? _index;

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public int[]? AmongId { get; set; }

    protected override void Process(LinuxProcess process)
    {
        // One index serves all processes of the pipeline, except those that started after it was built.
        if (_index is null || !_index.Processes.Contains(process.Identity))
        {
            _index = BuildIndex(process.Id);
        }

        WriteEach(new PageSharingReader(_index, cancellation: Cancellation).Read(process));
    }

    private PfnIndex BuildIndex(int processId)
    {
        int[] ids = AmongId is null ? ProcessList.Ids() : [.. AmongId.Append(processId).Concat(Id ?? []).Distinct()];
        UnreadProcesses unread = new();
        using Progress progress = new(this, "Reading the page tables of processes");
        PfnIndex index = PfnIndex.Build(ids,
            count => progress.Report((ulong)count, (ulong)ids.Length, $"{count} of {ids.Length} processes"),
            error =>
            {
                unread.Add(error);
                WriteVerbose(error.Message);
            },
            cancellation: Cancellation);
        if (unread.Count > 0)
        {
            WriteWarning($"{unread.Of(ids.Length, "share pages")} Use -Verbose to list them with the reasons.");
        }

        return index;
    }
}

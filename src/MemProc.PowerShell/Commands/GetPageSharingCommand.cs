using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Get-PageSharing: gets the processes that share pages with a process.</summary>
[Cmdlet(VerbsCommon.Get, "PageSharing")]
[OutputType(typeof(PageSharing), typeof(PageSharingSummary))]
public sealed class GetPageSharingCommand : ProcessCommand
{
    private PfnIndex? _index;

    [Parameter]
    [ProcessIdTransformation(hasName: false)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public ProcessSelector[]? AmongId { get; set; }

    [Parameter]
    public SwitchParameter Summary { get; set; }

    protected override void Process(LinuxProcess process)
    {
        // One index serves all processes of the pipeline, except those that started after it was built.
        if (_index is null || !_index.Processes.Contains(process.Identity))
        {
            _index = BuildIndex(process.Id);
        }

        IEnumerable<PageSharing> mappings = new PageSharingReader(_index, cancellation: Cancellation).Read(process);
        if (Summary)
        {
            WriteObject(PageSharingSummary.Of(process, mappings));
        }
        else
        {
            WriteEach(mappings);
        }
    }

    private PfnIndex BuildIndex(int processId)
    {
        int[] ids = AmongId is null ? ProcessList.Ids()
            : [.. ProcessNames.Ids(AmongId).Append(processId).Concat(ProcessNames.Ids(Id)).Distinct()];
        UnreadProcesses unread = new();
        using Progress progress = new(this, "Reading the page tables of processes");
        PfnIndex index;
        try
        {
            index = PfnIndex.Build(ids,
                count => progress.Report((ulong)count, (ulong)ids.Length, $"{count} of {ids.Length} processes"),
                error =>
                {
                    unread.Add(error);
                    WriteVerbose(error.Message);
                },
                cancellation: Cancellation);
        }
        catch (MemProcException error) when (error.Errno == Errno.EPERM)
        {
            throw new MemProcException(error.Operation, error.Errno, $"{error.Message} Without that right, Get-ProcMemoryStatus "
                + "-Detailed and Get-ProcMap -Detailed show how much is shared (Pss, Uss), but not with whom.", error.Target);
        }

        if (unread.Count > 0)
        {
            WriteWarning($"{unread.Of(ids.Length, "share pages")} Use -Verbose to list them with the reasons.");
        }

        return index;
    }
}

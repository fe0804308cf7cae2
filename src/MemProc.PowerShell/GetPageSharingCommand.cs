using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Get-PageSharing: which processes share pages with a process.</summary>
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
        // One index serves all processes of the pipeline, but for those that came after it was built.
        if (_index is null || !_index.Processes.Contains(process.Identity))
        {
            _index = BuildIndex(process.Id);
        }

        foreach (PageSharing sharing in new PageSharingReader(_index, Cancellation).Read(process))
        {
            WriteObject(sharing);
        }
    }

    private PfnIndex BuildIndex(int processId)
    {
        int[] ids = AmongId is null ? ProcessList.Ids() : [.. AmongId.Append(processId).Concat(Id ?? []).Distinct()];
        List<MemProcException> refused = [];
        Progress progress = new(this, "Reading the page tables of processes");
        PfnIndex index = PfnIndex.Build(ids,
            count => progress.Tell((ulong)count, (ulong)ids.Length, $"{count} of {ids.Length} processes"),
            refused.Add, cancellation: Cancellation);
        progress.End();
        // A process that has exited, or is a kernel thread, maps nothing.
        int unread = refused.Count(error => error.Errno != Errno.ESRCH);
        refused.ForEach(error => WriteVerbose(error.Message));
        if (unread > 0)
        {
            WriteWarning($"{unread} of {ids.Length} processes could not be read and may share pages too; -Verbose names "
                + "them and says why.");
        }

        return index;
    }
}

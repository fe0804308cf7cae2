using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Get-PageSharing: with whom processes share their pages.</summary>
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
        // Cmdlets may speak from their own thread alone, so the index is built beside it.
        int done = 0;
        Task<PfnIndex> building = Task.Run(
            () => PfnIndex.Build(ids, visited => done = visited, refused.Add, Cancellation), Cancellation);
        while (!building.IsCompleted)
        {
            progress.Tell((ulong)Volatile.Read(ref done), (ulong)ids.Length, $"{done} of {ids.Length} processes");
            ((IAsyncResult)building).AsyncWaitHandle.WaitOne(TimeSpan.FromMilliseconds(50));
        }

        progress.End();
        PfnIndex index = building.GetAwaiter().GetResult();
        // A process that has ended, or is a thread of the kernel, maps nothing.
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

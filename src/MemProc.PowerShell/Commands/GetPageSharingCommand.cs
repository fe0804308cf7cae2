using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-PageSharing: gets the processes that share pages with a process.</summary>
[Cmdlet(VerbsCommon.Get, "PageSharing")]
[OutputType(typeof(PageSharing))]
public sealed class GetPageSharingCommand : ProcessCommand
{
    private PfnIndex? _index;
    private int _count;

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public int[]? AmongId { get; set; }

    protected override void Process(LinuxProcess process)
    {
        // The first process is compared alone, which takes less time and memory. One index serves all others of the
        // pipeline, except those that started after it was built.
        bool isAlone = _count++ == 0 && Id is not { Length: > 1 };
        PfnIndex index = isAlone ? BuildIndex(process, isAlone)
            : _index?.Processes.Contains(process.Identity) == true ? _index
            : _index = BuildIndex(process, isAlone);
        WriteEach(new PageSharingReader(index, cancellation: Cancellation).Read(process));
    }

    private PfnIndex BuildIndex(LinuxProcess process, bool isAlone)
    {
        int[] ids = AmongId is null ? ProcessList.Ids() : [.. AmongId.Append(process.Id).Concat(Id ?? []).Distinct()];
        UnreadProcesses unread = new();
        using Progress progress = new(this, "Reading the page tables of processes");
        void Visit(int count) => progress.Report((ulong)count, (ulong)ids.Length, $"{count} of {ids.Length} processes");
        void Fail(MemProcException error)
        {
            unread.Add(error);
            WriteVerbose(error.Message);
        }

        PfnIndex index = isAlone
            ? PfnIndex.BuildShared(process, ids, Visit, Fail, Cancellation)
            : PfnIndex.Build(ids, Visit, Fail, cancellation: Cancellation);
        if (unread.Count > 0)
        {
            WriteWarning($"{unread.Of(ids.Length, "share pages")} Use -Verbose to list them with the reasons.");
        }

        return index;
    }
}

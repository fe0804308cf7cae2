using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Get-PageSharing: gets the processes that share pages with a process.</summary>
[Cmdlet(VerbsCommon.Get, "PageSharing")]
[OutputType(typeof(PageSharing), typeof(PageSharingSummary))]
public sealed class GetPageSharingCommand : ProcessCommand
{
    private PfnIndex? _index;
    private int _count;

    [Parameter]
    [ProcessIdTransformation(hasName: false)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public ProcessSelector[]? AmongId { get; set; }

    [Parameter]
    public SwitchParameter Summary { get; set; }

    protected override void Process(LinuxProcess process)
    {
        // The first process is compared alone, which takes less time and memory. One index serves all others of the
        // pipeline, except those that started after it was built.
        bool isAlone = _count++ == 0 && Id is not { Length: > 1 };
        PfnIndex index = isAlone ? BuildIndex(process, isAlone)
            : _index?.Processes.Contains(process.Identity) == true ? _index
            : _index = BuildIndex(process, isAlone);
        IEnumerable<PageSharing> mappings = new PageSharingReader(index, cancellation: Cancellation).Read(process);
        if (Summary)
        {
            WriteObject(PageSharingSummary.Of(process, mappings));
        }
        else
        {
            WriteEach(mappings);
        }
    }

    private PfnIndex BuildIndex(LinuxProcess process, bool isAlone)
    {
        int[] ids = AmongId is null ? ProcessList.Ids()
            : [.. ProcessNames.Ids(AmongId).Append(process.Id).Concat(ProcessNames.Ids(Id)).Distinct()];
        UnreadProcesses unread = new();
        using Progress progress = new(this, "Reading the page tables of processes");
        void Visit(int count) => progress.Report((ulong)count, (ulong)ids.Length, $"{count} of {ids.Length} processes");
        void Fail(MemProcException error)
        {
            unread.Add(error);
            WriteVerbose(error.Message);
        }

        PfnIndex index;
        try
        {
            index = isAlone
                ? PfnIndex.BuildShared(process, ids, Visit, Fail, Cancellation)
                : PfnIndex.Build(ids, Visit, Fail, cancellation: Cancellation);
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

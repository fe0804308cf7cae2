using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Find-ProcessByPfn: who maps a page frame.</summary>
[Cmdlet(VerbsCommon.Find, "ProcessByPfn")]
[OutputType(typeof(PfnOwner))]
public sealed class FindProcessByPfnCommand : MemProcCommand
{
    private readonly HashSet<ulong> _pfns = [];

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [AllowEmptyCollection]
    [PfnTransformation]
    public PfnRange[] Pfn { get; set; } = [];

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("PageCount")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong Count { get; set; } = 1;

    // Not from the pipeline: a page's own process id would narrow the search to the process it came from.
    [Parameter]
    [Alias("PID", "ProcessId")]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public int[]? Id { get; set; }

    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ProcessNameCompleter))]
    public string[]? Name { get; set; }

    protected override void ProcessRecord() => _pfns.UnionWith(PfnRange.Numbers(
        Pfn.Select(range => range with { Count = Math.Max(range.Count, Count) })));

    protected override void EndProcessing()
    {
        if (Name is not null && Id is not null)
        {
            ThrowTerminatingError(Failure.BadArgument(nameof(Name), "Give -Id or -Name, not both.", Name));
        }

        Attempt(Search);
    }

    private void Search()
    {
        bool isChosen = Id is not null || Name is not null;
        int[] ids = Id ?? (Name is null ? ProcessList.Ids() : [.. ProcessNames.Resolve(this, Name)]);
        Progress progress = new(this, "Searching the page tables of processes");
        int refused = 0;
        void Fail(MemProcException error)
        {
            if (isChosen)
            {
                WriteError(Failure.Record(error));
                return;
            }

            // A process that has ended, or is a thread of the kernel, maps nothing.
            refused += error.Errno == Errno.ESRCH ? 0 : 1;
            WriteVerbose(error.Message);
        }

        void Visit(int index) => progress.Tell((ulong)index, (ulong)ids.Length, $"{index} of {ids.Length} processes");

        foreach (PfnOwner owner in new PfnSearch(_pfns).In(ids, Visit, Fail, Cancellation))
        {
            WriteObject(owner);
        }

        progress.End();
        if (refused > 0)
        {
            WriteWarning($"{refused} of {ids.Length} processes could not be read and may map the frames too; -Verbose "
                + "names them and says why.");
        }
    }
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Find-ProcessByPfn: finds the processes that map page frames.</summary>
[Cmdlet(VerbsCommon.Find, "ProcessByPfn", DefaultParameterSetName = FrameSet)]
[OutputType(typeof(PfnOwner))]
public sealed class FindProcessByPfnCommand : MemProcCommand
{
    private const string FrameSet = "Frame";
    private const string PhysicalSet = "PhysicalAddress";

    private readonly List<PfnRange> _ranges = [];

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true,
        ParameterSetName = FrameSet)]
    [AllowEmptyCollection]
    [PfnTransformation(AllowOpen = true)]
    public PfnRange[] Pfn { get; set; } = [];

    // Not from the pipeline: pages and frames bring their Pfn, and would be bound twice.
    [Parameter(Mandatory = true, ParameterSetName = PhysicalSet)]
    [PhysicalFrameTransformation]
    [ArgumentCompleter(typeof(PhysicalAddressCompleter))]
    public PfnRange[] PhysicalAddress { get; set; } = [];

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("PageCount")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong Count { get; set; } = 1;

    // Not from the pipeline: the process id of a page would restrict the search to the process that it came from.
    [Parameter]
    [Alias("PID", "ProcessId")]
    [ProcessIdTransformation(hasName: true)]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public int[]? Id { get; set; }

    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ProcessNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Name { get; set; }

    /// <summary>The core that an object comes from, which is refused: its frames are not those of this machine.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, DontShow = true)]
    [AllowNull]
    public string[]? CorePath { get; set; }

    protected override void ProcessRecord()
    {
        if (!IsOfCore(CorePath))
        {
            _ranges.AddRange((ParameterSetName == PhysicalSet ? PhysicalAddress : Pfn)
                .Select(range => range with { Count = Math.Max(range.Count, Count) }));
        }
    }

    protected override void EndProcessing() => ReportErrors(Search);

    private void Search()
    {
        IEnumerable<int>? selected = ProcessNames.Select(this, Id, Name);
        int[] ids = selected is null ? ProcessList.Ids() : [.. selected];
        using Progress progress = new(this, "Searching the page tables of processes");
        UnreadProcesses unread = new();
        void Fail(MemProcException error)
        {
            if (selected is not null)
            {
                WriteError(error);
                return;
            }

            unread.Add(error);
            WriteVerbose(error.Message);
        }

        void Visit(int index) => progress.Report((ulong)index, (ulong)ids.Length, $"{index} of {ids.Length} processes");

        PfnRange[] ranges = [.. PfnSearch.OfThisMachine(_ranges, WriteError)];
        UnseenMappings unseen = new(ranges);
        foreach (PfnOwner owner in new PfnSearch(ranges).In(ids, Visit, Fail, Cancellation))
        {
            Cancellation.ThrowIfCancellationRequested();
            unseen.Add(owner);
            WriteObject(owner);
        }

        if (unread.Count > 0)
        {
            WriteWarning($"{unread.Of(ids.Length, "map the frames")} Use -Verbose to list them with the reasons.");
        }
        else if (selected is null && unseen.Describe() is string mappings)
        {
            WriteWarning(mappings);
        }
    }
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Set-PageIdle: marks pages as idle.</summary>
[Cmdlet(VerbsCommon.Set, "PageIdle", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium,
    DefaultParameterSetName = PageSet)]
[OutputType(typeof(PageIdleMark))]
public sealed class SetPageIdleCommand : AddressCommand
{
    private const string PageSet = "Page";
    private const string PhysicalSet = "PhysicalAddress";

    private PageIdleMarker? _marker;
    private bool _isPfnGiven;

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = PageSet)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public override AddressExpression[]? Address { get; set; }

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = PageSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public override ulong? Length { get; set; }

    // In the same set as Address: pages have both.
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = PageSet)]
    [AllowEmptyCollection]
    [PfnTransformation]
    public PfnRange[]? Pfn { get; set; }

    // Not from the pipeline: pages and frames bring their Pfn, and would be bound twice.
    [Parameter(Mandatory = true, ParameterSetName = PhysicalSet)]
    [PhysicalFrameTransformation]
    [ArgumentCompleter(typeof(PhysicalAddressCompleter))]
    public PfnRange[] PhysicalAddress { get; set; } = [];

    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = PageSet)]
    [Parameter(ParameterSetName = PhysicalSet)]
    [Alias("PageCount")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong Count { get; set; } = 1;

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        // Only the command line is bound here: an object of the pipeline may have both.
        _isPfnGiven = MyInvocation.BoundParameters.ContainsKey(nameof(Pfn));
        bool hasFrames = _isPfnGiven || ParameterSetName == PhysicalSet;
        if (hasFrames && (Id is not null || Name is not null || Address is not null))
        {
            ThrowBadArgument(nameof(Pfn),
                "Frames are marked for all processes that map them. Specify -Pfn or -PhysicalAddress, or a process.", Pfn);
        }

        if (!hasFrames && !MyInvocation.ExpectingInput && MyInvocation.BoundParameters.ContainsKey(nameof(Count)))
        {
            ThrowBadArgument(nameof(Pfn), "-Count requires -Pfn or -PhysicalAddress.", Count);
        }

        _marker = DisposeAtEnd(ThrowOnError(() => new PageIdleMarker(cancellation: Cancellation)));
    }

    protected override void ProcessRecord()
    {
        if (IsOfCore(CorePath))
        {
            return;
        }

        // A page of a process is marked by its address; a frame belongs to no process.
        bool isFrame = Pfn is not null && InputObject is null && Id is null && Name is null;
        if (ParameterSetName == PhysicalSet)
        {
            Mark(PhysicalAddress);
        }
        else if (_isPfnGiven || isFrame)
        {
            Mark(Pfn ?? []);
        }
        else
        {
            base.ProcessRecord();
        }
    }

    private void Mark(PfnRange[] ranges)
    {
        foreach (PfnRange given in ranges)
        {
            PfnRange range = given with { Count = Math.Max(given.Count, Count) };
            string frames = range.Count == 1
                ? $"frame 0x{range.First:x}"
                : $"{range.Count} frames from 0x{range.First:x} on";
            ReportErrors(() => Write($"Mark {frames} as idle, for all processes", () => _marker!.Mark(range)));
        }
    }

    private protected override void ProcessWhole(LinuxProcess process) =>
        Write($"Mark all pages of process {process.Identity} as idle", () => _marker!.Mark(process));

    private protected override void ProcessAddress(LinuxProcess process, ulong address, ulong? length)
    {
        ulong bytes = length ?? 1;
        Write($"Mark {HumanSize.Format(bytes)} at 0x{address:x} of process {process.Identity} as idle, in whole pages",
            () => _marker!.Mark(process, address, bytes));
    }

    private void Write(string action, Func<PageIdleMark> mark)
    {
        if (Confirm(action))
        {
            WriteObject(mark());
        }
    }
}

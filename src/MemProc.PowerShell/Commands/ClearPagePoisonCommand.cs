using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Clear-PagePoison: returns poisoned frames to the kernel.</summary>
[Cmdlet(VerbsCommon.Clear, "PagePoison", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High,
    DefaultParameterSetName = FrameSet)]
[OutputType(typeof(PagePoison))]
public sealed class ClearPagePoisonCommand : PoisonCommand
{
    private const string FrameSet = "Frame";
    private const string PhysicalSet = "PhysicalAddress";

    private PageUnpoisoner? _unpoisoner;

    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = FrameSet)]
    [PfnTransformation]
    [AllowEmptyCollection]
    public PfnRange[] Pfn { get; set; } = [];

    // Not from the pipeline: pages and frames bring their Pfn.
    [Parameter(Mandatory = true, ParameterSetName = PhysicalSet)]
    [PhysicalFrameTransformation]
    [ArgumentCompleter(typeof(PhysicalAddressCompleter))]
    public PfnRange[] PhysicalAddress { get; set; } = [];

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override bool HasFrames => Pfn.Length > 0 || PhysicalAddress.Length > 0;

    protected override void Open() => _unpoisoner = DisposeAtEnd(new PageUnpoisoner(cancellation: Cancellation));

    protected override void Process(LinuxProcess? process)
    {
        foreach (ulong pfn in Frames([.. Pfn, .. PhysicalAddress], "Specify -Pfn or -PhysicalAddress."))
        {
            // One bad frame does not stop the others.
            ReportErrors(() => Clear(process, pfn));
        }
    }

    private void Clear(LinuxProcess? process, ulong pfn)
    {
        PlannedPoison plan = _unpoisoner!.Prepare(process, pfn, Force);
        if (Confirm($"Unpoison {plan.Description}, so that the kernel can allocate it again"))
        {
            PagePoison poison = _unpoisoner.Clear(plan);
            if (PassThru)
            {
                WriteObject(poison);
            }
        }
    }
}

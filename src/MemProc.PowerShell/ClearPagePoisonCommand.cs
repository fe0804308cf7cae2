using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Clear-PagePoison: gives poisoned frames back to the kernel.</summary>
[Cmdlet(VerbsCommon.Clear, "PagePoison", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(PagePoison))]
public sealed class ClearPagePoisonCommand : PoisonCommand
{
    private PageUnpoisoner? _unpoisoner;

    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [PfnTransformation]
    [AllowEmptyCollection]
    public PfnRange[] Pfn { get; set; } = [];

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void Open() => _unpoisoner = new PageUnpoisoner(cancellation: Cancellation);

    protected override void Process(LinuxProcess? process)
    {
        foreach (ulong pfn in Frames(Pfn, "Give -Pfn."))
        {
            // One bad frame does not stop the others.
            Attempt(() => Clear(process, pfn));
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _unpoisoner?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Clear(LinuxProcess? process, ulong pfn)
    {
        PoisonPlan plan = _unpoisoner!.Prepare(process, pfn, Force);
        string action = $"Give poisoned {plan.Place} back to the kernel, which hands it out again";
        if (ShouldProcess(action, $"{action}. Go on?", "Clear-PagePoison"))
        {
            PagePoison poison = _unpoisoner.Clear(plan);
            if (PassThru)
            {
                WriteObject(poison);
            }
        }
    }
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Clear-SoftDirty: clears the soft-dirty bits of processes.</summary>
[Cmdlet(VerbsCommon.Clear, "SoftDirty", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(SoftDirtyClear))]
public sealed class ClearSoftDirtyCommand : ProcessCommand
{
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void BeginProcessing() => ThrowOnError(() => SoftDirty.ThrowIfUnsupported());

    protected override void Process(LinuxProcess process)
    {
        if (Confirm($"Clear the soft-dirty bits of all pages of process {process.Identity}"))
        {
            SoftDirtyClear clear = SoftDirty.Clear(process);
            if (PassThru)
            {
                WriteObject(clear);
            }
        }
    }
}

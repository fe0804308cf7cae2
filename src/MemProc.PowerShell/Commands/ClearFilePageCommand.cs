using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Clear-FilePage: drops the pages of files from the page cache.</summary>
[Cmdlet(VerbsCommon.Clear, "FilePage", DefaultParameterSetName = PathSet, SupportsShouldProcess = true,
    ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(FilePageClear))]
public sealed class ClearFilePageCommand : FilePageCommand
{
    private FilePageClearer? _clearer;

    [Parameter]
    public SwitchParameter Sync { get; set; }

    /// <summary>The core that an object comes from, which is refused: the file can be another one here.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, DontShow = true)]
    [AllowNull]
    public string[]? CorePath { get; set; }

    protected override void ProcessRecord()
    {
        if (!IsOfCore(CorePath))
        {
            base.ProcessRecord();
        }
    }

    protected override void BeginProcessing() => _clearer = DisposeAtEnd(new FilePageClearer(cancellation: Cancellation));

    private protected override void ProcessFile(string file)
    {
        using PlannedFilePageClear plan = _clearer!.Plan(file);
        if (Confirm(plan.Describe(Sync)))
        {
            FilePageClear clear = plan.Clear(Sync);
            if (clear.ResidentBytesAfter is null)
            {
                WarnOnce(FilePageWalk.SomeResidencyHidden);
            }

            WriteObject(clear);
        }
    }
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Test-ProcMemAccess: tests what this user can do with the memory of processes, and why not.</summary>
[Cmdlet(VerbsDiagnostic.Test, "ProcMemAccess")]
[OutputType(typeof(ProcMemAccess))]
public sealed class TestProcMemAccessCommand : ProcessCommand
{
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public MemoryAbility[]? Ability { get; set; }

    [Parameter]
    public SwitchParameter Stop { get; set; }

    protected override void BeginProcessing()
    {
        if (Stop)
        {
            WarnBeforeStop();
        }
    }

    protected override void Process(LinuxProcess process) =>
        WriteEach(AccessTester.Test(process, Ability, Stop, Cancellation));

    private protected override bool TryProcessHidden(int id)
    {
        WriteEach(AccessTester.TestHidden(id, Ability));
        return true;
    }
}

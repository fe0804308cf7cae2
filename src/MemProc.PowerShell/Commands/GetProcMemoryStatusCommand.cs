using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ProcMemoryStatus: gets the memory counters of processes.</summary>
[Cmdlet(VerbsCommon.Get, "ProcMemoryStatus")]
[OutputType(typeof(ProcMemoryStatus), typeof(ProcMemoryStatusDetail))]
public sealed class GetProcMemoryStatusCommand : ProcessCommand
{
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    protected override void Process(LinuxProcess process) => WriteObject(
        Detailed ? MemoryStatusReader.ReadDetailed(process) : MemoryStatusReader.Read(process));
}

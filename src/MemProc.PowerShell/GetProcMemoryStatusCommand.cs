using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ProcMemoryStatus: what the kernel counts for the memory of whole processes.</summary>
[Cmdlet(VerbsCommon.Get, "ProcMemoryStatus")]
[OutputType(typeof(ProcMemoryStatus), typeof(ProcMemoryStatusDetail))]
public sealed class GetProcMemoryStatusCommand : ProcessCommand
{
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    protected override void Process(LinuxProcess process) => WriteObject(
        Detailed ? MemoryStatusReader.ReadDetailed(process) : MemoryStatusReader.Read(process));
}

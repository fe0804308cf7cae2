using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ProcMap: gets the mappings of processes.</summary>
[Cmdlet(VerbsCommon.Get, "ProcMap")]
[OutputType(typeof(ProcMap), typeof(ProcMapDetail))]
public sealed class GetProcMapCommand : MapFilterCommand
{
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    private protected override void ProcessWhole(LinuxProcess process) => Write(process, null);

    private protected override void ProcessAddress(LinuxProcess process, ulong address, ulong? length) =>
        Write(process, address);

    private void Write(LinuxProcess process, ulong? address) =>
        WriteEach(MapSelection.Read(process, address, Detailed, Filter, Cancellation));
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ProcessMemoryMatch: gets the candidates of a scan.</summary>
[Cmdlet(VerbsCommon.Get, "ProcessMemoryMatch")]
[OutputType(typeof(MemoryMatch))]
public sealed class GetProcessMemoryMatchCommand : MemProcCommand
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    public MemoryScan? Scan { get; set; }

    [Parameter]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong First { get; set; } = ulong.MaxValue;

    protected override void ProcessRecord() => ReportErrors(() =>
    {
        MemoryTarget process = Processes.Open(Scan!.ProcessId, Scan.ProcessStartTicks, Scan.CorePath, Cancellation);
        ulong left = First;
        foreach (MemoryMatch match in Scan.Matches(process, Cancellation))
        {
            WriteObject(match);
            if (--left == 0)
            {
                return;
            }
        }
    });
}

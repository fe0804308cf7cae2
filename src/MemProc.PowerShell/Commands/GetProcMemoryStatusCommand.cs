using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ProcMemoryStatus: gets the memory counters of processes.</summary>
[Cmdlet(VerbsCommon.Get, "ProcMemoryStatus")]
[OutputType(typeof(ProcMemoryStatus), typeof(ProcMemoryStatusDetail), typeof(ProcMemoryHeadroom))]
public sealed class GetProcMemoryStatusCommand : ProcessCommand<MemoryTarget>
{
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter]
    public SwitchParameter Detailed { get; set; }

    [Parameter]
    public SwitchParameter Headroom { get; set; }

    protected override void BeginProcessing()
    {
        if (Detailed && Headroom)
        {
            ThrowBadArgument(nameof(Headroom), "-Headroom cannot be combined with -Detailed.", true);
        }
    }

    protected override void Process(MemoryTarget process)
    {
        if (Headroom)
        {
            ProcMemoryHeadroom headroom = MemoryHeadroomReader.Read(
                process as LinuxProcess ?? throw NotLive(process.CorePath!), Cancellation);
            if (headroom.HiddenFiles.Count > 0)
            {
                WarnOnce(MemoryHeadroomReader.SomeHidden);
            }

            WriteObject(headroom);
            return;
        }

        WriteObject(Detailed ? MemoryStatusReader.ReadDetailed(process) : MemoryStatusReader.Read(process));
    }
}

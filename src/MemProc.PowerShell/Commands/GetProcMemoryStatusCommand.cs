using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ProcMemoryStatus: gets the memory counters of processes.</summary>
[Cmdlet(VerbsCommon.Get, "ProcMemoryStatus")]
[OutputType(typeof(ProcMemoryStatus), typeof(ProcMemoryStatusDetail), typeof(ProcMemoryStatusPages), typeof(ProcMemoryHeadroom))]
public sealed class GetProcMemoryStatusCommand : ProcessCommand<MemoryTarget>
{
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter]
    public SwitchParameter Detailed { get; set; }

    [Parameter]
    public MemoryStatusMethod Method { get; set; }

    [Parameter]
    public SwitchParameter Headroom { get; set; }

    protected override void BeginProcessing()
    {
        if (Detailed && Headroom)
        {
            ThrowBadArgument(nameof(Headroom), "-Headroom cannot be combined with -Detailed.", true);
        }

        if (Method != MemoryStatusMethod.Rollup && !Detailed)
        {
            ThrowBadArgument(nameof(Method), "-Method requires -Detailed.", Method);
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

        if (Method == MemoryStatusMethod.Pages)
        {
            ProcMemoryStatusPages pages = new PageMemoryMeter(
                process as LinuxProcess ?? throw NotLive(process.CorePath!), Cancellation).Read();
            if (pages.PssBytes is null)
            {
                WarnOnce(PageMemoryMeter.CountsHidden);
            }

            WriteObject(pages);
            return;
        }

        WriteObject(Detailed ? MemoryStatusReader.ReadDetailed(process) : MemoryStatusReader.Read(process));
    }
}

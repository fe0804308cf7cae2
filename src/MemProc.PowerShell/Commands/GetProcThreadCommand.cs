using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ProcThread: gets the threads of processes: state, instruction and stack pointer, registers.</summary>
[Cmdlet(VerbsCommon.Get, "ProcThread")]
[OutputType(typeof(ProcThread))]
public sealed class GetProcThreadCommand : ProcessCommand<MemoryTarget>
{
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(ThreadIdCompleter))]
    public int[]? ThreadId { get; set; }

    [Parameter]
    public SwitchParameter Stop { get; set; }

    protected override void Process(MemoryTarget process)
    {
        if (Stop)
        {
            if (process is CoreFile core)
            {
                throw NotLive(core.CorePath!);
            }

            WarnBeforeStop();
        }

        ProcThreadReader reader = new(process, Cancellation) { Stop = Stop, Warn = WarnOnce };
        WriteEach(reader.Read(ThreadId, WriteError));
    }
}

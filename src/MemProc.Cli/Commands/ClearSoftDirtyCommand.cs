using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc clear-soft-dirty</c>: clears the soft-dirty bits of a process.</summary>
internal sealed class ClearSoftDirtyCommand : ProcessCommand
{
    public ClearSoftDirtyCommand()
        : base("clear-soft-dirty", "Clears the soft-dirty bits of a process. Pages that pagemap shows as soft-dirty "
            + "afterwards have been written since. Other programs that use these bits lose them.",
            "memproc clear-soft-dirty 1234")
    {
    }

    protected override void Run(
        LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        output.Write(SoftDirty.Clear(process), $"Cleared the soft-dirty bits of process {process.Identity}.");
    }
}

using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc clear-soft-dirty</c>: clears the soft-dirty bits of a process.</summary>
internal sealed class ClearSoftDirtyCommand : CliCommand
{
    private readonly Argument<int> _process = Given.Process();

    public ClearSoftDirtyCommand()
        : base("clear-soft-dirty", "Clears the soft-dirty bits of a process: pages that pagemap shows as soft-dirty "
            + "afterwards have been written to since. Another program that goes by these bits loses them.",
            "memproc clear-soft-dirty 1234") => Arguments.Add(_process);

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        using LinuxProcess process = LinuxProcess.Open(given.GetValue(_process));
        output.Write(SoftDirty.Clear(process), $"The soft-dirty bits of process {process.Identity} are cleared.");
    }
}

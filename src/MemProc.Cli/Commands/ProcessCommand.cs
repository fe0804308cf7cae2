using System.CommandLine;

namespace MemProc.Cli;

/// <summary>The base of commands about one process, their first argument.</summary>
internal abstract class ProcessCommand : CliCommand
{
    private readonly Argument<int> _process = CommandOptions.Process();

    protected ProcessCommand(string name, string description, params string[] examples)
        : base(name, description, examples) => Arguments.Add(_process);

    /// <summary>The work itself.</summary>
    /// <param name="process">The process.</param>
    /// <param name="parseResult">The arguments, which are valid.</param>
    /// <param name="output">Receives results and failures.</param>
    /// <param name="cancellation">Canceled by Ctrl-C.</param>
    protected abstract void Run(LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation);

    protected sealed override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        using LinuxProcess process = LinuxProcess.Open(parseResult.GetValue(_process));
        Run(process, parseResult, output, cancellation);
    }
}

using System.CommandLine;
using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc.Cli;

/// <summary>The base of all commands: cancellation, failures and exit codes.</summary>
internal abstract class CliCommand : Command
{
    /// <summary>Writes results for programs.</summary>
    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Write one JSON object per line: addresses and raw entries as \"0x…\", sizes and frame "
            + "numbers as numbers, bytes as hex",
        Recursive = true,
    };

    protected CliCommand(string name, string description, params string[] examples)
        : base(name, description)
    {
        Examples = examples;
        SetAction(Invoke);
    }

    /// <summary>The examples in the help.</summary>
    public IReadOnlyList<string> Examples { get; }

    /// <summary>Returns what is wrong with the combination of arguments; null where nothing is.</summary>
    /// <param name="parseResult">The arguments.</param>
    protected virtual string? Validate(ParseResult parseResult) => null;

    /// <summary>The work itself.</summary>
    /// <param name="parseResult">The arguments, which are valid.</param>
    /// <param name="output">Receives results and failures.</param>
    /// <param name="cancellation">Canceled by Ctrl-C, and by other signals that end the program.</param>
    protected abstract void Run(ParseResult parseResult, Output output, CancellationToken cancellation);

    private int Invoke(ParseResult parseResult)
    {
        if (Validate(parseResult) is string fault)
        {
            UsageErrors.Write([fault], this);
            return ExitCode.Failure;
        }

        using Interrupt interrupt = new();
        Output output = new(parseResult.GetValue(Json), interrupt.Token);
        try
        {
            if (!TryRun(parseResult, output, interrupt.Token))
            {
                return interrupt.ExitCode;
            }

            output.Flush();
        }
        catch (IOException error) when (error.HResult == (int)Errno.EPIPE)
        {
            // The reader of the pipe has closed it: it needs no more results.
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            output.DiscardOutput(error);
        }

        return output.HasFailed ? ExitCode.Failure : ExitCode.Success;
    }

    /// <summary>Does the work and reports what fails in it; false where it was interrupted.</summary>
    private bool TryRun(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        try
        {
            output.ReportErrors(() => Run(parseResult, output, cancellation));
        }
        catch (OperationCanceledException)
        {
            output.Flush();
            return false;
        }

        return true;
    }
}

/// <summary>
/// Handles Ctrl-C and other signals that end a program: the first one cancels the work, so that no incomplete output
/// remains, and a second one ends the program at once.
/// </summary>
internal sealed class Interrupt : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    public Interrupt() => _registrations =
    [
        Register(PosixSignal.SIGINT, Cli.ExitCode.Interrupted),
        Register(PosixSignal.SIGTERM, Cli.ExitCode.Terminated),
        Register(PosixSignal.SIGHUP, Cli.ExitCode.HungUp),
    ];

    /// <summary>Canceled by the first signal.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>The exit code by the first signal.</summary>
    public int ExitCode { get; private set; } = Cli.ExitCode.Interrupted;

    public void Dispose()
    {
        Array.ForEach(_registrations, registration => registration.Dispose());
        _source.Dispose();
    }

    private PosixSignalRegistration Register(PosixSignal signal, int exitCode) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = !_source.IsCancellationRequested;
            if (context.Cancel)
            {
                ExitCode = exitCode;
                _source.Cancel();
            }
        });
}

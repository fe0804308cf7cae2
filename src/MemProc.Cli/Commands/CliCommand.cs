using System.CommandLine;
using MemProc.Interop;

namespace MemProc.Cli;

/// <summary>What every command does alike: it stops on Ctrl-C and tells failures in one form.</summary>
internal abstract class CliCommand : Command
{
    /// <summary>Answers for programs instead of people.</summary>
    public static readonly Option<bool> Json = new("--json")
    {
        Description = "One JSON object a line: addresses and raw words as \"0x…\", sizes and frame numbers as "
            + "numbers, bytes as hex",
        Recursive = true,
    };

    protected CliCommand(string name, string description, params string[] examples)
        : base(name, description)
    {
        Examples = examples;
        SetAction(Invoke);
    }

    /// <summary>Command lines that help shows.</summary>
    public IReadOnlyList<string> Examples { get; }

    /// <summary>What is wrong with arguments that are well-formed each for itself; null where nothing is.</summary>
    /// <param name="given">The arguments.</param>
    protected virtual string? Fault(ParseResult given) => null;

    /// <summary>The work itself.</summary>
    /// <param name="given">The arguments, in which nothing is wrong.</param>
    /// <param name="output">Where answers and failures go.</param>
    /// <param name="cancellation">Cancelled by Ctrl-C.</param>
    protected abstract void Run(ParseResult given, Output output, CancellationToken cancellation);

    private int Invoke(ParseResult given)
    {
        if (Fault(given) is string fault)
        {
            CommandLine.Refuse([fault], this);
            return ExitCode.Failure;
        }

        using Interrupt interrupt = new();
        Output output = new(given.GetValue(Json), interrupt.Token);
        try
        {
            if (!Attempt(given, output, interrupt.Token))
            {
                return ExitCode.Interrupted;
            }

            output.Flush();
        }
        catch (IOException error) when (error.HResult == (int)Errno.EPIPE)
        {
            // Whoever read the answers has seen enough.
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            output.Abandon(error);
        }

        return output.HasFailed ? ExitCode.Failure : ExitCode.Success;
    }

    /// <summary>Does the work and tells what fails in it; false where it was interrupted.</summary>
    private bool Attempt(ParseResult given, Output output, CancellationToken cancellation)
    {
        try
        {
            Run(given, output, cancellation);
        }
        catch (MemProcException error)
        {
            output.Fail(error.Message);
        }
        catch (OperationCanceledException)
        {
            output.Flush();
            return false;
        }

        return true;
    }
}

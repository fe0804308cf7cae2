using System.CommandLine;

namespace MemProc.Cli;

/// <summary>The base of commands that write memory: they check, ask, write all or nothing, and report.</summary>
internal abstract class TransactionCommand : CliCommand
{
    private readonly Option<bool> _stop = Given.Switch(
        "--stop", "Stop the process while its memory is compared and written");

    private readonly Option<bool> _verify = Given.Switch("--verify", "Read the bytes back and compare");
    private readonly Option<bool> _yes = Given.Switch("--yes", "Do not ask for confirmation");
    private readonly Option<bool> _dryRun = Given.Switch(
        "--dry-run", "Check everything and show what would be written, without writing");

    protected TransactionCommand(string name, string description, params string[] examples)
        : base(name, description, examples)
    {
    }

    /// <summary>Adds the common options, after those of the command.</summary>
    protected void AddCommonOptions()
    {
        Options.Add(_stop);
        Options.Add(_verify);
        Options.Add(_yes);
        Options.Add(_dryRun);
    }

    /// <summary>Returns a fault where confirmation is required and no terminal can give it, else null.</summary>
    /// <param name="given">The arguments.</param>
    /// <param name="path">The file that the command reads, if any; <c>-</c> is standard input.</param>
    protected string? NobodyToAsk(ParseResult given, string? path) =>
        !given.Has(_yes) && !given.Has(_dryRun) && (path == "-" || Console.IsInputRedirected)
            ? "Standard input is not a terminal, so that you cannot confirm: use --yes, or --dry-run to see what it does."
            : null;

    /// <summary>Reads a file of JSON lines; null where that fails, which is reported.</summary>
    protected static List<T>? Read<T>(string path, Func<JsonFields, T> read, Output output)
    {
        try
        {
            return JsonFields.ReadLines(path, read);
        }
        catch (Exception error) when (error is FormatException or IOException or UnauthorizedAccessException)
        {
            output.Fail(SafeText.Escape(error.Message));
            return null;
        }
    }

    /// <summary>Executes checked writes, or shows them with --dry-run.</summary>
    /// <param name="given">The arguments.</param>
    /// <param name="transaction">The checked writes.</param>
    /// <param name="would">The verb for --dry-run: <c>write</c>.</param>
    /// <param name="did">The verb for what was done: <c>Wrote</c>.</param>
    /// <param name="output">Receives the results.</param>
    /// <param name="cancellation">Canceled by Ctrl-C.</param>
    protected void CarryOut(
        ParseResult given, MemoryTransaction transaction, string would, string did, Output output,
        CancellationToken cancellation)
    {
        bool stop = given.GetValue(_stop);
        if (given.GetValue(_dryRun))
        {
            foreach (MemoryPlan plan in transaction.Writes)
            {
                output.Write(plan, $"Would {would} {plan.Place}: {plan.Change}.");
            }
        }
        else if (given.GetValue(_yes) || Confirm(transaction.Action(stop), cancellation))
        {
            IReadOnlyList<MemoryWrite> writes = Commit(transaction, stop, given.GetValue(_verify), output);
            foreach ((MemoryPlan plan, MemoryWrite write) in transaction.Writes.Zip(writes))
            {
                MemoryPlan done = plan with { PreviousBytes = write.PreviousBytes };
                output.Write(write, $"{did} {done.Place}: {done.Change}.");
            }
        }
        else
        {
            output.Fail("Nothing was written.");
        }
    }

    private static IReadOnlyList<MemoryWrite> Commit(
        MemoryTransaction transaction, bool stop, bool verify, Output output)
    {
        if (stop)
        {
            output.WarnBeforeStop();
        }

        try
        {
            return transaction.Commit(stop, verify);
        }
        catch (MemProcException error) when (output.IsJson && error.Target is MemoryWrite[])
        {
            // What could not be restored can still be undone with these lines.
            foreach (MemoryWrite left in (MemoryWrite[])error.Target)
            {
                output.WriteJson(left);
            }

            throw;
        }
    }

    private static bool Confirm(string action, CancellationToken cancellation)
    {
        // Ctrl-C at the prompt: nothing has been written, and a thread that reads the console ignores the token.
        using CancellationTokenRegistration stop = cancellation.Register(() => Environment.Exit(ExitCode.Interrupted));
        Console.Error.Write($"{action}. Continue? [y/N] ");
        string? answer = Console.ReadLine();
        if (answer is null)
        {
            Console.Error.WriteLine();
        }

        return answer?.Trim() is "y" or "Y" or "yes";
    }
}

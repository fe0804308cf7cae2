using System.CommandLine;

namespace MemProc.Cli;

/// <summary>The base of commands that write memory: they check, ask, write all or nothing, and report.</summary>
internal abstract class TransactionCommand : CliCommand
{
    private readonly Option<bool> _stop = CommandOptions.Switch(
        "--stop", "Stop the process while its memory is compared and written");

    private readonly Option<bool> _verify = CommandOptions.Switch("--verify", "Read the bytes back and compare");
    private readonly ConfirmationOptions _confirmation = new("Check everything and show what would be written, without writing");

    private readonly Option<bool> _allowUserfault = CommandOptions.AllowUserfault();

    protected TransactionCommand(string name, string description, params string[] examples)
        : base(name, description, examples)
    {
    }

    /// <summary>Adds the common options, after those of the command.</summary>
    protected void AddCommonOptions()
    {
        Options.Add(_stop);
        Options.Add(_verify);
        _confirmation.AddTo(this);
        Options.Add(_allowUserfault);
    }

    /// <summary>Whether to wait for pages that a userfaultfd handler supplies or releases.</summary>
    protected bool AllowsUserfault(ParseResult parseResult) => parseResult.GetValue(_allowUserfault);

    /// <summary>Returns a fault where confirmation is required and no terminal can give it, else null.</summary>
    /// <param name="parseResult">The arguments.</param>
    /// <param name="path">The file that the command reads, if any; <c>-</c> is standard input.</param>
    protected string? MissingConfirmation(ParseResult parseResult, string? path) =>
        _confirmation.Missing(parseResult, path);

    /// <summary>Reads a file of JSON lines; null where that fails, which is reported.</summary>
    protected static List<T>? Read<T>(string path, Func<JsonObjectReader, T> read, Output output)
    {
        try
        {
            return JsonObjectReader.ReadLines(path, read);
        }
        catch (Exception error) when (error is FormatException or IOException or UnauthorizedAccessException)
        {
            output.Fail(SafeText.Escape(error.Message));
            return null;
        }
    }

    /// <summary>Executes checked writes, or shows them with --dry-run.</summary>
    /// <param name="parseResult">The arguments.</param>
    /// <param name="transaction">The checked writes.</param>
    /// <param name="would">The verb for --dry-run: <c>write</c>.</param>
    /// <param name="did">The verb for what was done: <c>Wrote</c>.</param>
    /// <param name="output">Receives the results.</param>
    /// <param name="cancellation">Canceled by Ctrl-C.</param>
    protected void Execute(
        ParseResult parseResult, MemoryTransaction transaction, string would, string did, Output output,
        CancellationToken cancellation)
    {
        bool stop = parseResult.GetValue(_stop);
        if (_confirmation.IsDryRun(parseResult))
        {
            foreach (PlannedWrite plan in transaction.Writes)
            {
                output.Write(plan, $"Would {would} {plan.Place}: {plan.Change}.");
            }
        }
        else if (_confirmation.Agrees(parseResult, transaction.Describe(stop), cancellation))
        {
            IReadOnlyList<MemoryWrite> writes = Commit(transaction, stop, parseResult.GetValue(_verify), output);
            foreach ((PlannedWrite plan, MemoryWrite write) in transaction.Writes.Zip(writes))
            {
                PlannedWrite done = plan with { PreviousBytes = write.PreviousBytes };
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
}

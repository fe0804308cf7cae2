using System.CommandLine;

namespace MemProc.Cli;

/// <summary>What commands that write memory have in common: they check, ask, write all or none, and tell.</summary>
internal abstract class TransactionCommand : CliCommand
{
    private readonly Option<bool> _stop = Given.Switch(
        "--stop", "Hold the process still while its bytes are compared and written");

    private readonly Option<bool> _verify = Given.Switch("--verify", "Read the bytes back and compare");
    private readonly Option<bool> _yes = Given.Switch("--yes", "Do not ask");
    private readonly Option<bool> _dryRun = Given.Switch(
        "--dry-run", "Check everything, tell what would be done, and stop");

    protected TransactionCommand(string name, string description, params string[] examples)
        : base(name, description, examples)
    {
    }

    /// <summary>Adds the options that all have, behind the command's own.</summary>
    protected void AddCommonOptions()
    {
        Options.Add(_stop);
        Options.Add(_verify);
        Options.Add(_yes);
        Options.Add(_dryRun);
    }

    /// <summary>That nobody can be asked; null where somebody can, or need not be.</summary>
    /// <param name="given">The arguments.</param>
    /// <param name="path">The file that the command reads, if any; <c>-</c> is standard input.</param>
    protected string? NobodyToAsk(ParseResult given, string? path) =>
        !given.Has(_yes) && !given.Has(_dryRun) && (path == "-" || Console.IsInputRedirected)
            ? "Nobody can be asked, standard input is no terminal: give --yes, or --dry-run to see what it does."
            : null;

    /// <summary>Reads a file of JSON lines; null where it cannot be had, which is told.</summary>
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

    /// <summary>Carries out what was checked, as far as the options and the answer allow.</summary>
    /// <param name="given">The arguments.</param>
    /// <param name="transaction">What was checked.</param>
    /// <param name="would">What it would do, and what it did: <c>write</c>, <c>Wrote</c>.</param>
    /// <param name="did">See there.</param>
    /// <param name="output">Where answers go.</param>
    /// <param name="cancellation">Cancelled by Ctrl-C.</param>
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
            // What could not be put back can be undone by hand.
            foreach (MemoryWrite left in (MemoryWrite[])error.Target)
            {
                output.WriteJson(left);
            }

            throw;
        }
    }

    private static bool Confirm(string action, CancellationToken cancellation)
    {
        // Ctrl-C at the question: nothing has been touched, and a thread that waits for a key hears no token.
        using CancellationTokenRegistration stop = cancellation.Register(() => Environment.Exit(ExitCode.Interrupted));
        Console.Error.Write($"{action}. Go on? [y/N] ");
        string? answer = Console.ReadLine();
        if (answer is null)
        {
            Console.Error.WriteLine();
        }

        return answer?.Trim() is "y" or "Y" or "yes";
    }
}

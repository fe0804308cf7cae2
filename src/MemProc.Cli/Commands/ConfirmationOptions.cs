using System.CommandLine;

namespace MemProc.Cli;

/// <summary>The options --yes and --dry-run of commands that change something, and the prompt.</summary>
internal sealed class ConfirmationOptions
{
    private readonly Option<bool> _yes = CommandOptions.Switch("--yes", "Do not ask for confirmation");
    private readonly Option<bool> _dryRun;

    /// <summary>Creates the options.</summary>
    /// <param name="dryRun">The description of --dry-run.</param>
    public ConfirmationOptions(string dryRun) => _dryRun = CommandOptions.Switch("--dry-run", dryRun);

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_yes);
        command.Options.Add(_dryRun);
    }

    /// <summary>Returns a fault where confirmation is required and no terminal can give it, else null.</summary>
    /// <param name="parseResult">The arguments.</param>
    /// <param name="path">The file that the command reads, if any; <c>-</c> is standard input.</param>
    public string? Missing(ParseResult parseResult, string? path = null) =>
        !parseResult.Has(_yes) && !IsDryRun(parseResult) && (path == "-" || Console.IsInputRedirected)
            ? "Standard input is not a terminal, so that you cannot confirm: use --yes, or --dry-run to see what it does."
            : null;

    /// <summary>Returns whether nothing is to be changed.</summary>
    public bool IsDryRun(ParseResult parseResult) => parseResult.GetValue(_dryRun);

    /// <summary>Returns whether the user agrees to an action, by --yes or at the prompt.</summary>
    /// <param name="parseResult">The arguments.</param>
    /// <param name="action">The action in a phrase.</param>
    /// <param name="cancellation">Canceled by Ctrl-C.</param>
    public bool Agrees(ParseResult parseResult, string action, CancellationToken cancellation)
    {
        if (parseResult.GetValue(_yes))
        {
            return true;
        }

        // Ctrl-C at the prompt: nothing has been changed, and a thread that reads the console ignores the token.
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

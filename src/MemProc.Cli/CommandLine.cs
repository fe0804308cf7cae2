using System.CommandLine;
using System.CommandLine.Help;

namespace MemProc.Cli;

/// <summary>The whole command line: what there is, and how bad usage is told.</summary>
internal static class CommandLine
{
    /// <summary>Carries out a command line. Returns the exit code.</summary>
    public static int Run(string[] arguments)
    {
        RootCommand root = Root();
        if (arguments.Length == 0)
        {
            root.Parse("--help").Invoke();
            return ExitCode.Failure;
        }

        // An argument that begins with @ is a text like any other, not the name of a file with arguments.
        ParseResult parsed = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        // Help and --version forgive what else is wrong with a command line.
        if (parsed.Errors.Count == 0 || parsed.Action?.ClearsParseErrors == true)
        {
            return parsed.Invoke();
        }

        Command command = parsed.CommandResult.Command;
        Refuse(command == root && parsed.UnmatchedTokens is [string word, ..]
            ? [$"'{word}' is none of {string.Join(", ", root.Subcommands.Select(known => known.Name))}."]
            : parsed.Errors.Select(error => error.Message), command);
        return ExitCode.Failure;
    }

    /// <summary>Tells bad usage, and where help is.</summary>
    /// <param name="faults">What is wrong.</param>
    /// <param name="command">With the arguments of which command.</param>
    public static void Refuse(IEnumerable<string> faults, Command command)
    {
        foreach (string fault in faults)
        {
            Console.Error.WriteLine($"memproc: {SafeText.Escape(fault)}");
        }

        string name = command.Parents.OfType<Command>().FirstOrDefault() switch
        {
            null => "memproc",
            RootCommand => $"memproc {command.Name}",
            Command parent => $"memproc {parent.Name} {command.Name}",
        };
        Console.Error.WriteLine($"Try '{name} --help'.");
    }

    private static RootCommand Root()
    {
        RootCommand root = new("Opens up the memory of Linux processes.");
        root.Subcommands.Add(new MapCommand());
        root.Subcommands.Add(new StatusCommand());
        root.Subcommands.Add(new PageMapCommand());
        root.Subcommands.Add(new FlagsCommand());
        root.Subcommands.Add(new SummaryCommand());
        root.Subcommands.Add(new PhysicalCommand());
        root.Subcommands.Add(new FileCommand());
        root.Subcommands.Add(new WalkCommand());
        root.Subcommands.Add(new VmaCommand());
        root.Subcommands.Add(new ElfCommand());
        root.Subcommands.Add(new ResolveCommand());
        root.Subcommands.Add(new ReadCommand());
        root.Subcommands.Add(new SearchCommand());
        root.Subcommands.Add(new WatchCommand());
        root.Subcommands.Add(new SaveCommand());
        root.Subcommands.Add(new WriteCommand());
        root.Subcommands.Add(new UndoCommand());
        root.Subcommands.Add(new FindPfnCommand());
        root.Subcommands.Add(new SharingCommand());
        root.Subcommands.Add(new IdleCommand());
        root.Subcommands.Add(new WorkingSetCommand());
        root.Subcommands.Add(new ClearSoftDirtyCommand());
        root.Options.Add(CliCommand.Json);
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }
}

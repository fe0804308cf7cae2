using System.CommandLine;
using System.CommandLine.Help;

namespace MemProc.Cli;

/// <summary>The command line: all commands, and how one is run.</summary>
internal static class CommandLine
{
    /// <summary>Runs a command line.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments)
    {
        RootCommand root = Root();
        if (arguments.Length == 0)
        {
            root.Parse("--help").Invoke();
            return ExitCode.Failure;
        }

        if (arguments is [CompletionWriter.Directive, string text])
        {
            CompletionWriter.Write(root, text, Console.Out);
            return ExitCode.Success;
        }

        // An argument that begins with @ is a text like any other, not the name of a file with arguments.
        ParseResult parsed = root.Parse(
            TargetCommand.WithCoreAsTarget(arguments, root.Subcommands), new ParserConfiguration { ResponseFileTokenReplacer = null });
        // --help and --version take precedence over errors in the rest of the command line.
        if (parsed.Errors.Count == 0 || parsed.Action?.ClearsParseErrors == true)
        {
            return parsed.Invoke();
        }

        Command command = parsed.CommandResult.Command;
        UsageErrors.Write(command == root && parsed.UnmatchedTokens is [string word, ..]
            ? [$"'{word}' is not a command. The commands are {string.Join(", ", root.Subcommands.Select(known => known.Name))}."]
            : parsed.Errors.Select(error => error.Message), command);
        return ExitCode.Failure;
    }

    /// <summary>Returns all commands.</summary>
    internal static RootCommand Root()
    {
        RootCommand root = new("Inspects the memory of Linux processes.");
        foreach (Command command in (Command[])
        [
            new MapCommand(), new StatusCommand(), new TopCommand(), new AccessCommand(), new PictureCommand(),
            new FramePictureCommand(), new PageMapCommand(), new FlagsCommand(), new SummaryCommand(),
            new FolioCommand(), new FrameCommand(), new FramesCommand(), new PhysicalCommand(), new FileCommand(),
            new WalkCommand(), new VmaCommand(), new LayoutCommand(), new ElfCommand(), new CoreCommand(),
            new ThreadCommand(), new ResolveCommand(), new DisassembleCommand(), new ReadCommand(), new ReadPhysicalCommand(),
            new TelescopeCommand(), new SearchCommand(), new PointerPathCommand(), new WatchCommand(), new SaveCommand(),
            new CompareCommand(), new CompareImageCommand(),
            new WriteCommand(), new UndoCommand(), new FindPfnCommand(), new SharingCommand(), new IdleCommand(),
            new WorkingSetCommand(), new ClearSoftDirtyCommand(), new AdviseCommand(), new DropFileCommand(),
            new CompletionCommand(),
        ])
        {
            root.Subcommands.Add(command);
        }

        root.Options.Add(CliCommand.Json);
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        // /h and /? are names of files.
        help.Aliases.Remove("/h");
        help.Aliases.Remove("/?");
        help.Action = new ExampleHelpAction((HelpAction)help.Action!);
        return root;
    }
}

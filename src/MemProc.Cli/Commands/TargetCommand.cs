using System.CommandLine;

namespace MemProc.Cli;

/// <summary>The base of commands about a process or a core file, their first argument.</summary>
internal abstract class TargetCommand : CliCommand, ITargetCommand
{
    /// <summary>The option for a core file.</summary>
    private const string CoreOption = "--core";

    /// <summary>What stands in the place of the process id for a core file.</summary>
    private const string CorePrefix = "core:";

    private readonly Argument<(int ProcessId, string? Core)> _target;

    protected TargetCommand(string name, string description, params string[] examples)
        : this(name, description, takesAll: false, examples)
    {
    }

    /// <param name="name">Its name.</param>
    /// <param name="description">Its description in the help.</param>
    /// <param name="takesAll">The process can be <c>all</c>: <see cref="RunAll"/> does the work then.</param>
    /// <param name="examples">The examples in the help.</param>
    protected TargetCommand(string name, string description, bool takesAll, string[] examples)
        : base(name, description, [.. examples, $"memproc {name} --core core.1234"])
    {
        _target = AddTarget(this, takesAll ? "; or all for all processes" : string.Empty, takesAll);
    }

    /// <summary>The work itself.</summary>
    /// <param name="process">The process or core.</param>
    /// <param name="parseResult">The arguments, which are valid.</param>
    /// <param name="output">Receives results and failures.</param>
    /// <param name="cancellation">Canceled by Ctrl-C.</param>
    protected abstract void Run(MemoryTarget process, ParseResult parseResult, Output output, CancellationToken cancellation);

    /// <summary>Whether the process is <c>all</c>.</summary>
    protected bool IsAll(ParseResult parseResult) => parseResult.GetValue(_target).ProcessId == CommandOptions.AllProcesses;

    /// <summary>The work on all processes.</summary>
    protected virtual void RunAll(ParseResult parseResult, Output output, CancellationToken cancellation) =>
        throw new NotSupportedException();

    protected sealed override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        (int ProcessId, string? Core) target = parseResult.GetValue(_target);
        if (target.ProcessId == CommandOptions.AllProcesses)
        {
            RunAll(parseResult, output, cancellation);
            return;
        }

        using MemoryTarget process = Open(target, cancellation);
        Run(process, parseResult, output, cancellation);
    }

    /// <summary>Adds the argument for a process or core to a command, and the option for a core.</summary>
    /// <param name="command">The command.</param>
    /// <param name="more">More of the description of the argument.</param>
    /// <param name="takesAll">It can be <c>all</c>.</param>
    public static Argument<(int ProcessId, string? Core)> AddTarget(CliCommand command, string more = "", bool takesAll = false)
    {
        Argument<(int ProcessId, string? Core)> target = CommandOptions.Target(CorePrefix, more, takesAll);
        command.Arguments.Add(target);
        // For the help: it is moved to the place of the process id before the arguments are parsed.
        command.Options.Add(CommandOptions.Option<string>(
            CoreOption, "FILE", "A core file instead of a process: FILE stands for PID", text => text));
        return target;
    }

    /// <summary>Opens a process or core.</summary>
    /// <exception cref="MemProcException">It cannot be opened.</exception>
    public static MemoryTarget Open((int ProcessId, string? Core) target, CancellationToken cancellation) =>
        target.Core is null ? LinuxProcess.Open(target.ProcessId) : CoreFile.Open(target.Core, cancellation);

    /// <summary>Returns the process where the work requires a live one.</summary>
    /// <param name="process">The process or core.</param>
    /// <param name="option">The option that requires it.</param>
    /// <exception cref="MemProcException">ReadCore,EOPNOTSUPP: it is a core.</exception>
    protected static LinuxProcess Live(MemoryTarget process, string option) =>
        process as LinuxProcess ?? throw CoreFile.NotLive(process.CorePath!, option);

    /// <summary>
    /// Moves <c>--core FILE</c> to the place of the process id, so that the arguments after it keep their meaning.
    /// </summary>
    public static string[] WithCoreAsTarget(string[] arguments, IEnumerable<Command> commands)
    {
        int index = Array.FindIndex(arguments, text => text == CoreOption
            || text.StartsWith($"{CoreOption}=", StringComparison.Ordinal));
        bool hasValue = index > 0 && arguments[index] != CoreOption;
        if (index < 1 || (!hasValue && index + 1 == arguments.Length)
            || !commands.OfType<ITargetCommand>().Any(command => command.Name == arguments[0]))
        {
            return arguments;
        }

        string path = hasValue ? arguments[index][(CoreOption.Length + 1)..] : arguments[index + 1];
        return
        [
            arguments[0], CorePrefix + path, .. arguments[1..index], .. arguments[(index + (hasValue ? 1 : 2))..],
        ];
    }
}

/// <summary>A command whose first argument is a process or a core.</summary>
internal interface ITargetCommand
{
    /// <summary>Its name.</summary>
    string Name { get; }
}

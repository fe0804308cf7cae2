using System.CommandLine;

namespace MemProc.Cli;

/// <summary>The base of commands about a process or a core file, their first argument.</summary>
internal abstract class TargetCommand : CliCommand
{
    /// <summary>The option for a core file.</summary>
    internal const string CoreOption = "--core";

    /// <summary>What stands in the place of the process id for a core file.</summary>
    internal const string CorePrefix = "core:";

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
        _target = CommandOptions.Target(CorePrefix, takesAll ? "; or all for all processes" : string.Empty, takesAll);
        Arguments.Add(_target);
        Options.Add(CoreFileOption());
    }

    /// <summary>
    /// Creates the option for a core, for the help: it is moved to the place of the process id before the arguments are
    /// parsed.
    /// </summary>
    internal static Option<string?> CoreFileOption() => CommandOptions.Option<string>(
        CoreOption, "FILE", "A core file instead of a process: FILE stands for PID", text => text);

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
        (int processId, string? core) = parseResult.GetValue(_target);
        if (processId == CommandOptions.AllProcesses)
        {
            RunAll(parseResult, output, cancellation);
            return;
        }

        using MemoryTarget process = core is null ? LinuxProcess.Open(processId) : CoreFile.Open(core, cancellation);
        Run(process, parseResult, output, cancellation);
    }

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
            || !commands.Any(command => command is TargetCommand or DisassembleCommand && command.Name == arguments[0]))
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

using System.CommandLine;

namespace MemProc.Cli;

/// <summary>
/// The options that read saved copies of the frame tables, or those in a core, instead of those of the machine.
/// </summary>
internal sealed class FrameTableOptions
{
    private readonly Option<string?> _flags = CommandOptions.Option(
        "--kpageflags", "FILE", "Read a saved copy of /proc/kpageflags", text => text);

    private readonly Option<string?> _counts = CommandOptions.Option(
        "--kpagecount", "FILE", "A saved copy of /proc/kpagecount, with --kpageflags", text => text);

    private readonly Option<string?> _cgroups = CommandOptions.Option(
        "--kpagecgroup", "FILE", "A saved copy of /proc/kpagecgroup, with --kpageflags", text => text);

    private readonly Option<string?> _core = CommandOptions.Option(
        "--core", "FILE", "The frames that a core has, which was saved with --page-info", text => text);

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    public void AddTo(Command command)
    {
        command.Options.Add(_core);
        command.Options.Add(_flags);
        command.Options.Add(_counts);
        command.Options.Add(_cgroups);
    }

    /// <summary>Returns what is wrong with them; null where nothing is.</summary>
    /// <param name="parseResult">The arguments.</param>
    /// <param name="filter">The frames that are selected.</param>
    public string? Validate(ParseResult parseResult, FrameFilterOptions filter) =>
        !IsSaved(parseResult) && (parseResult.Has(_counts) || parseResult.Has(_cgroups))
            ? "--kpagecount and --kpagecgroup require --kpageflags."
            : IsSaved(parseResult) && filter.HasCgroup(parseResult) && !parseResult.Has(_cgroups)
            ? "--cgroup with --kpageflags requires --kpagecgroup."
            : IsSaved(parseResult) && IsOfCore(parseResult) ? "Specify --core or --kpageflags, not both."
            : null;

    /// <summary>Returns whether saved copies are read.</summary>
    public bool IsSaved(ParseResult parseResult) => parseResult.Has(_flags);

    /// <summary>Returns whether the frames of a core are read.</summary>
    public bool IsOfCore(ParseResult parseResult) => parseResult.Has(_core);

    /// <summary>Opens the core; null where none is given.</summary>
    /// <exception cref="MemProcException">It cannot be opened.</exception>
    public CoreFile? OpenCore(ParseResult parseResult, CancellationToken cancellation) =>
        parseResult.GetValue(_core) is string path ? CoreFile.Open(path, cancellation) : null;

    /// <summary>Opens the tables.</summary>
    /// <param name="parseResult">The arguments.</param>
    /// <param name="fields">The attributes that will be read.</param>
    /// <param name="core">The core that has them; null: others.</param>
    public FrameTables Open(ParseResult parseResult, FrameAttributes fields, CoreFile? core) => core is not null
        ? FrameTables.Of(core, fields)
        : parseResult.GetValue(_flags) is string path
        ? new FrameTables(new FrameTableCopies(path, parseResult.GetValue(_counts), parseResult.GetValue(_cgroups)))
        : new FrameTables(fields);
}

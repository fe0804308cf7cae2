using System.CommandLine;

namespace MemProc.Cli;

/// <summary>The options that read saved copies of the frame tables instead of those of the machine.</summary>
internal sealed class FrameTableOptions
{
    private readonly Option<string?> _flags = CommandOptions.Option(
        "--kpageflags", "FILE", "Read a saved copy of /proc/kpageflags", text => text);

    private readonly Option<string?> _counts = CommandOptions.Option(
        "--kpagecount", "FILE", "A saved copy of /proc/kpagecount, with --kpageflags", text => text);

    private readonly Option<string?> _cgroups = CommandOptions.Option(
        "--kpagecgroup", "FILE", "A saved copy of /proc/kpagecgroup, with --kpageflags", text => text);

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    public void AddTo(Command command)
    {
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
            : null;

    /// <summary>Returns whether saved copies are read.</summary>
    public bool IsSaved(ParseResult parseResult) => parseResult.Has(_flags);

    /// <summary>Opens the tables.</summary>
    /// <param name="parseResult">The arguments.</param>
    /// <param name="fields">The attributes that will be read.</param>
    public FrameTables Open(ParseResult parseResult, FrameAttributes fields) => parseResult.GetValue(_flags) is string path
        ? new FrameTables(new FrameTableCopies(path, parseResult.GetValue(_counts), parseResult.GetValue(_cgroups)))
        : new FrameTables(fields);
}

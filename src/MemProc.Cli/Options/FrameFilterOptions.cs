using System.CommandLine;

namespace MemProc.Cli;

/// <summary>The options that select page frames by their flags and their cgroup.</summary>
internal sealed class FrameFilterOptions
{
    private readonly Option<string[]> _flag = Flags("--flag", "Only frames with all of these flags");
    private readonly Option<string[]> _anyFlag = Flags("--any-flag", "Only frames with at least one of these flags");
    private readonly Option<string[]> _notFlag = Flags("--not-flag", "Only frames with none of these flags");
    private readonly Option<string[]> _exactFlag = Flags("--exact-flag", "Only frames with these flags and no others");
    private readonly Option<string?> _cgroup = CommandOptions.Option(
        "--cgroup", "CGROUP", "Only frames charged to this memory cgroup: its path or inode", text => text);

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_flag, _anyFlag, _notFlag, _exactFlag, _cgroup])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Returns whether one of them is given.</summary>
    public bool IsGiven(ParseResult parseResult) =>
        ((Option[])[_flag, _anyFlag, _notFlag, _exactFlag, _cgroup]).Any(parseResult.Has);

    /// <summary>Returns whether the cgroup is given.</summary>
    public bool HasCgroup(ParseResult parseResult) => parseResult.Has(_cgroup);

    /// <summary>Returns what is wrong with the names of flags; null where nothing is.</summary>
    public string? Validate(ParseResult parseResult)
    {
        try
        {
            FlagFilter.Create(Names(parseResult, _flag), Names(parseResult, _anyFlag), Names(parseResult, _notFlag), Names(parseResult, _exactFlag));
            return null;
        }
        catch (ArgumentException error)
        {
            return error.Message;
        }
    }

    /// <summary>Creates the filter.</summary>
    /// <param name="parseResult">The arguments.</param>
    /// <param name="core">The core whose cgroups are meant; a process or null: those of this machine.</param>
    /// <exception cref="MemProcException">There is no such cgroup.</exception>
    public FrameFilter Filter(ParseResult parseResult, MemoryTarget? core = null) => FrameFilter.Create(
        Names(parseResult, _flag), Names(parseResult, _anyFlag), Names(parseResult, _notFlag), Names(parseResult, _exactFlag),
        parseResult.GetValue(_cgroup), core);

    private static Option<string[]> Flags(string name, string description) =>
        CommandOptions.List(name, "FLAG", $"{description}, such as lru,dirty", text => text);

    private static IEnumerable<string>? Names(ParseResult parseResult, Option<string[]> option) => parseResult.Has(option)
        ? parseResult.GetValue(option)!.SelectMany(text => text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        : null;
}

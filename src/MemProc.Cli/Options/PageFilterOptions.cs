using System.CommandLine;

namespace MemProc.Cli;

/// <summary>The options that select pages.</summary>
internal sealed class PageFilterOptions
{
    private readonly Option<bool> _present = CommandOptions.Switch("--present", "Only pages in memory");
    private readonly Option<bool> _swapped = CommandOptions.Switch("--swapped", "Only pages in swap");
    private readonly Option<bool> _softDirty = CommandOptions.Switch("--soft-dirty", "Only pages written to since clear-soft-dirty");
    private readonly Option<bool> _exclusive = CommandOptions.Switch("--exclusive", "Only pages that no other process maps");
    private readonly Option<bool> _file = CommandOptions.Switch("--file", "Only pages of files and shared memory");
    private readonly Option<bool> _anonymous = CommandOptions.Switch("--anonymous", "Only private anonymous pages");
    private readonly Option<bool> _guard = CommandOptions.Switch("--guard", "Only guard regions");
    private readonly Option<bool> _huge = CommandOptions.Switch("--huge", "Only pages of huge mappings");
    private readonly Option<string[]> _flag = Flags("--flag", "Only frames with all of these flags");
    private readonly Option<string[]> _anyFlag = Flags("--any-flag", "Only frames with at least one of these flags");
    private readonly Option<string[]> _notFlag = Flags("--not-flag", "Only frames with none of these flags");
    private readonly Option<string[]> _exactFlag = Flags("--exact-flag", "Only frames with these flags and no others");
    private readonly Option<string?> _cgroup = CommandOptions.Option(
        "--cgroup", "CGROUP", "Only frames charged to this memory cgroup: its path or inode", text => text);

    private Option<bool>[] PageOptions =>
        [_present, _swapped, _softDirty, _exclusive, _file, _anonymous, _guard, _huge];

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[.. PageOptions, _flag, _anyFlag, _notFlag, _exactFlag, _cgroup])
        {
            command.Options.Add(option);
        }
    }

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
    /// <exception cref="MemProcException">There is no such cgroup.</exception>
    public PageFilter Filter(ParseResult parseResult) => new()
    {
        IsPresent = parseResult.GetValue(_present),
        IsSwapped = parseResult.GetValue(_swapped),
        IsSoftDirty = parseResult.GetValue(_softDirty),
        IsExclusive = parseResult.GetValue(_exclusive),
        IsFile = parseResult.GetValue(_file),
        IsAnonymous = parseResult.GetValue(_anonymous),
        IsGuard = parseResult.GetValue(_guard),
        IsHuge = parseResult.GetValue(_huge),
        Frame = FrameFilter.Create(Names(parseResult, _flag), Names(parseResult, _anyFlag), Names(parseResult, _notFlag),
            Names(parseResult, _exactFlag), parseResult.GetValue(_cgroup)),
    };

    private static Option<string[]> Flags(string name, string description) =>
        CommandOptions.List(name, "FLAG", $"{description}, such as lru,dirty", text => text);

    private static IEnumerable<string>? Names(ParseResult parseResult, Option<string[]> option) => parseResult.Has(option)
        ? parseResult.GetValue(option)!.SelectMany(text => text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        : null;
}

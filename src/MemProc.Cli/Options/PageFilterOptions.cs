using System.CommandLine;

namespace MemProc.Cli;

/// <summary>The options that select pages.</summary>
internal sealed class PageFilterOptions
{
    private readonly Option<bool> _present = Given.Switch("--present", "Only pages in memory");
    private readonly Option<bool> _swapped = Given.Switch("--swapped", "Only pages in swap");
    private readonly Option<bool> _softDirty = Given.Switch("--soft-dirty", "Only pages written to since clear-soft-dirty");
    private readonly Option<bool> _exclusive = Given.Switch("--exclusive", "Only pages that no other process maps");
    private readonly Option<bool> _file = Given.Switch("--file", "Only pages of files and shared memory");
    private readonly Option<bool> _anonymous = Given.Switch("--anonymous", "Only private anonymous pages");
    private readonly Option<bool> _guard = Given.Switch("--guard", "Only guard regions");
    private readonly Option<bool> _huge = Given.Switch("--huge", "Only pages of huge mappings");
    private readonly Option<string[]> _flag = Flags("--flag", "Only frames with all of these flags");
    private readonly Option<string[]> _anyFlag = Flags("--any-flag", "Only frames with at least one of these flags");
    private readonly Option<string[]> _notFlag = Flags("--not-flag", "Only frames with none of these flags");
    private readonly Option<string[]> _exactFlag = Flags("--exact-flag", "Only frames with these flags and no others");
    private readonly Option<string?> _cgroup = Given.Option(
        "--cgroup", "CGROUP", "Only frames charged to this memory cgroup: its path or inode", text => text);

    private Option<bool>[] Places =>
        [_present, _swapped, _softDirty, _exclusive, _file, _anonymous, _guard, _huge];

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[.. Places, _flag, _anyFlag, _notFlag, _exactFlag, _cgroup])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Returns what is wrong with the names of flags; null where nothing is.</summary>
    public string? Fault(ParseResult given)
    {
        try
        {
            FlagFilter.Create(Names(given, _flag), Names(given, _anyFlag), Names(given, _notFlag), Names(given, _exactFlag));
            return null;
        }
        catch (ArgumentException error)
        {
            return error.Message;
        }
    }

    /// <summary>Creates the filter.</summary>
    /// <exception cref="MemProcException">There is no such cgroup.</exception>
    public PageFilter Filter(ParseResult given) => new()
    {
        IsPresent = given.GetValue(_present),
        IsSwapped = given.GetValue(_swapped),
        IsSoftDirty = given.GetValue(_softDirty),
        IsExclusive = given.GetValue(_exclusive),
        IsFile = given.GetValue(_file),
        IsAnonymous = given.GetValue(_anonymous),
        IsGuard = given.GetValue(_guard),
        IsHuge = given.GetValue(_huge),
        Frame = FrameFilter.Create(Names(given, _flag), Names(given, _anyFlag), Names(given, _notFlag),
            Names(given, _exactFlag), given.GetValue(_cgroup)),
    };

    private static Option<string[]> Flags(string name, string description) =>
        Given.List(name, "FLAG", $"{description}, such as lru,dirty", text => text);

    private static IEnumerable<string>? Names(ParseResult given, Option<string[]> option) => given.Has(option)
        ? given.GetValue(option)!.SelectMany(text => text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        : null;
}

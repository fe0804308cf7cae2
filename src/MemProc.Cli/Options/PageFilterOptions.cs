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
    private readonly FrameFilterOptions _frame = new();

    private Option<bool>[] PageOptions =>
        [_present, _swapped, _softDirty, _exclusive, _file, _anonymous, _guard, _huge];

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in PageOptions)
        {
            command.Options.Add(option);
        }

        _frame.AddTo(command);
    }

    /// <summary>Returns what is wrong with the names of flags; null where nothing is.</summary>
    public string? Validate(ParseResult parseResult) => _frame.Validate(parseResult);

    /// <summary>Creates the filter.</summary>
    /// <param name="parseResult">The arguments.</param>
    /// <param name="process">The process or core.</param>
    /// <exception cref="MemProcException">There is no such cgroup.</exception>
    public PageFilter Filter(ParseResult parseResult, MemoryTarget process) => new()
    {
        IsPresent = parseResult.GetValue(_present),
        IsSwapped = parseResult.GetValue(_swapped),
        IsSoftDirty = parseResult.GetValue(_softDirty),
        IsExclusive = parseResult.GetValue(_exclusive),
        IsFile = parseResult.GetValue(_file),
        IsAnonymous = parseResult.GetValue(_anonymous),
        IsGuard = parseResult.GetValue(_guard),
        IsHuge = parseResult.GetValue(_huge),
        Frame = _frame.Filter(parseResult, process),
    };
}

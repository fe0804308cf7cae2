using System.CommandLine;
using System.IO.Enumeration;

namespace MemProc.Cli;

/// <summary>The options that select page frames by what they are used for and whom they belong to.</summary>
internal sealed class PageFrameFilterOptions
{
    private readonly Option<PageFrameKind[]> _kind = CommandOptions.List(
        "--kind", "KIND", $"Only frames of these kinds: {EnumNames.All<PageFrameKind>()}", EnumNames.Parse<PageFrameKind>);

    private readonly Option<string[]> _path = CommandOptions.List("--path", "PATTERN",
        "Only frames of files whose path matches: * is any text, ? one character. A pattern without a slash is compared with "
        + "the file name", text => text);

    private readonly Option<string[]> _slab = CommandOptions.List(
        "--slab", "PATTERN", "Only frames of slab caches whose name matches: * is any text, ? one character", text => text);

    private readonly Option<string?> _cgroup = CommandOptions.Option<string?>(
        "--cgroup", "CGROUP", "Only frames that are charged to this memory cgroup: a path or an inode number", text => text);

    private readonly Option<KernelReadSource?> _source = CommandOptions.KernelSource();

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_kind, _path, _slab, _cgroup, _source])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Creates the filter; null where nothing restricts the selection.</summary>
    /// <exception cref="MemProcException">FindCgroup: there is no such cgroup.</exception>
    public PageFrameFilter? Filter(ParseResult parseResult) => PageFrameFilter.Create(
        parseResult.GetValue(_kind),
        parseResult.GetValue(_path) is { Length: > 0 } paths ? MapFilterOptions.Paths(paths) : null,
        parseResult.GetValue(_slab) is { Length: > 0 } slabs
            ? name => Array.Exists(slabs, slab => FileSystemName.MatchesSimpleExpression(slab, name, ignoreCase: false))
            : null,
        parseResult.GetValue(_cgroup));

    /// <summary>How the kernel's memory is read.</summary>
    public KernelReadSource Source(ParseResult parseResult) => parseResult.GetValue(_source) ?? KernelReadSource.Auto;
}

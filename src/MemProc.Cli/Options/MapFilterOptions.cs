using System.CommandLine;
using System.IO.Enumeration;

namespace MemProc.Cli;

/// <summary>The options that select mappings by path, permissions and kind.</summary>
internal sealed class MapFilterOptions
{
    private readonly Option<string[]> _path = CommandOptions.List("--path", "PATTERN",
        "Only mappings whose path matches: * is any text, ? one character. A pattern without a slash is compared with the "
        + "file name", text => text);

    private readonly Option<string[]> _permission = CommandOptions.List(
        "--permission", "PATTERN", "Only mappings whose permissions match: r-x, rw-p, '?w??', '*x*'", Permission);

    private readonly Option<ProcMapKind[]> _kind = CommandOptions.List(
        "--kind", "KIND", $"Only mappings of these kinds: {EnumNames.All<ProcMapKind>()}", EnumNames.Parse<ProcMapKind>);

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_path);
        command.Options.Add(_permission);
        command.Options.Add(_kind);
    }

    /// <summary>Creates the filter.</summary>
    /// <param name="parseResult">The arguments.</param>
    /// <param name="isDeleted">See <see cref="MapFilter.IsDeleted"/>.</param>
    /// <param name="isWritableExecutable">See <see cref="MapFilter.IsWritableExecutable"/>.</param>
    public MapFilter Filter(ParseResult parseResult, bool isDeleted = false, bool isWritableExecutable = false) => new()
    {
        IsDeleted = isDeleted,
        IsWritableExecutable = isWritableExecutable,
        Path = parseResult.GetValue(_path) is { Length: > 0 } paths ? Paths(paths) : null,
        Permissions = parseResult.GetValue(_permission) ?? [],
        Kinds = parseResult.GetValue(_kind) ?? [],
    };

    /// <summary>
    /// Returns a test for paths that match one of the patterns: <c>*</c> is any text, <c>?</c> one character.
    /// </summary>
    public static Func<string, bool> Paths(string[] patterns)
    {
        Func<string, bool>[] rules = Array.ConvertAll(patterns, pattern => MapFilter.PathPredicate(
            pattern, name => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false)));
        return path => Array.Exists(rules, rule => rule(path));
    }

    /// <summary>Returns a pattern as it is. One that can match no permissions is refused.</summary>
    private static string Permission(string text) => new MapFilter { Permissions = [text] }.Permissions.Count > 0
        ? text
        : string.Empty;
}

using System.IO.Enumeration;

namespace MemProc.Cli;

/// <summary>Paths of mappings by wildcards.</summary>
internal static class PathPattern
{
    /// <summary>
    /// A test for paths that one of the patterns fits: <c>*</c> stands for any text, <c>?</c> for one character.
    /// </summary>
    public static Func<string, bool> Any(string[] patterns)
    {
        Func<string, bool>[] rules = Array.ConvertAll(patterns, pattern => MapFilter.PathRule(
            pattern, name => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false)));
        return path => Array.Exists(rules, rule => rule(path));
    }
}

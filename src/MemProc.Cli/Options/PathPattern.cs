using System.IO.Enumeration;

namespace MemProc.Cli;

/// <summary>Matches the paths of mappings by wildcards.</summary>
internal static class PathPattern
{
    /// <summary>
    /// Returns a test for paths that match one of the patterns: <c>*</c> is any text, <c>?</c> one character.
    /// </summary>
    public static Func<string, bool> Any(string[] patterns)
    {
        Func<string, bool>[] rules = Array.ConvertAll(patterns, pattern => MapFilter.PathRule(
            pattern, name => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false)));
        return path => Array.Exists(rules, rule => rule(path));
    }
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Paths of mappings by wildcards.</summary>
internal static class PathPattern
{
    /// <summary>A test for paths that one of the patterns fits, with PowerShell's wildcards.</summary>
    public static Func<string, bool> Any(string[] patterns)
    {
        Func<string, bool>[] rules = Array.ConvertAll(patterns, pattern =>
            MapFilter.PathRule(pattern, Wildcard.Test(pattern, WildcardOptions.None)));
        return path => Array.Exists(rules, rule => rule(path));
    }
}

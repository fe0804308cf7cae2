using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Names of symbols and sections by wildcards; upper and lower case are different.</summary>
internal static class SymbolPattern
{
    /// <summary>A test for names that are one of the patterns word for word, or fit it; null where there is none.</summary>
    public static Func<string, bool>? Any(string[]? patterns)
    {
        if (patterns is null)
        {
            return null;
        }

        Func<string, bool>[] rules = Array.ConvertAll(patterns, pattern =>
        {
            // operator[] has brackets of its own.
            Func<string, bool>? fits = WildcardPattern.ContainsWildcardCharacters(pattern)
                ? Wildcard.Test(pattern, WildcardOptions.None)
                : null;
            return (Func<string, bool>)(name => name == pattern || fits?.Invoke(name) == true);
        });
        return name => Array.Exists(rules, rule => rule(name));
    }
}

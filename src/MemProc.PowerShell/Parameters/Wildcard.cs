using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Tests names by PowerShell's wildcards.</summary>
internal static class Wildcard
{
    /// <summary>
    /// Returns a test for one pattern. A bracket that is never closed, as in <c>[v*</c>, stands for itself: names of the
    /// kernel have brackets.
    /// </summary>
    public static Func<string, bool> Test(string text, WildcardOptions options)
    {
        WildcardPattern pattern = WildcardPattern.Get(text, options);
        try
        {
            pattern.IsMatch(string.Empty);
        }
        catch (WildcardPatternException)
        {
            pattern = WildcardPattern.Get(text.Replace("[", "`[", StringComparison.Ordinal), options);
        }

        return pattern.IsMatch;
    }

    /// <summary>Returns a test for paths of mappings that match one of the patterns.</summary>
    public static Func<string, bool> Paths(string[] patterns) => Any(Array.ConvertAll(patterns, pattern =>
        MapFilter.PathPredicate(pattern, Test(pattern, WildcardOptions.None))));

    /// <summary>
    /// Returns a test for names of symbols and sections that equal one of the patterns or match it, case-sensitively; null
    /// where there are no patterns.
    /// </summary>
    public static Func<string, bool>? Symbols(string[]? patterns) => patterns is null
        ? null
        : Any(Array.ConvertAll<string, Func<string, bool>>(patterns, pattern =>
        {
            // operator[] has brackets of its own.
            Func<string, bool>? matches = WildcardPattern.ContainsWildcardCharacters(pattern)
                ? Test(pattern, WildcardOptions.None)
                : null;
            return name => name == pattern || matches?.Invoke(name) == true;
        }));

    /// <summary>Returns a test for names of physical ranges that match one of the patterns.</summary>
    public static Func<string, bool> RangeNames(string[] patterns) => Any(Array.ConvertAll(patterns, RangeName));

    /// <summary>Returns a test for names that equal a pattern, brackets included, or match it; case is ignored.</summary>
    public static Func<string, bool> RangeName(string pattern)
    {
        Func<string, bool> matches = Test(pattern, WildcardOptions.IgnoreCase);
        return name => name.Equals(pattern, StringComparison.OrdinalIgnoreCase) || matches(name);
    }

    private static Func<string, bool> Any(Func<string, bool>[] tests) =>
        name => Array.Exists(tests, test => test(name));
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Names of the machine's parts by wildcards, upper and lower case alike.</summary>
internal static class NamePattern
{
    /// <summary>Whether a name is the pattern word for word, brackets included, or fits it.</summary>
    public static bool Fits(string pattern, string name) =>
        name.Equals(pattern, StringComparison.OrdinalIgnoreCase)
        || WildcardPattern.Get(pattern, WildcardOptions.IgnoreCase).IsMatch(name);

    /// <summary>A test for names that one of the patterns fits.</summary>
    public static Func<string, bool> Any(string[] patterns) =>
        name => Array.Exists(patterns, pattern => Fits(pattern, name));
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Wildcards of PowerShell, with a way out for the brackets in the kernel's names.</summary>
internal static class Wildcard
{
    /// <summary>A test for one pattern. A bracket that is never closed, as in <c>[v*</c>, stands for itself.</summary>
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
}

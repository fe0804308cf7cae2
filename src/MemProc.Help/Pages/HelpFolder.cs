using System.Text.RegularExpressions;

namespace MemProc.Help;

/// <summary>
/// Which files of docs/ are help. The others, such as the page about the architecture, are for readers alone.
/// </summary>
internal static partial class HelpFolder
{
    public static IEnumerable<string> CmdletPages(string folder) =>
        Pages(folder).Where(file => CmdletName().IsMatch(Path.GetFileNameWithoutExtension(file)));

    public static IEnumerable<string> AboutPages(string folder) =>
        Pages(folder).Where(file => Path.GetFileName(file).StartsWith("about_", StringComparison.Ordinal));

    private static IEnumerable<string> Pages(string folder) =>
        Directory.EnumerateFiles(folder, "*.md").Order(StringComparer.Ordinal);

    [GeneratedRegex("^[A-Z][a-z]+-[A-Z][A-Za-z]+$")]
    private static partial Regex CmdletName();
}

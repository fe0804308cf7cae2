using System.Collections.ObjectModel;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Resolves PowerShell paths to paths of the file system.</summary>
internal static class FilePaths
{
    /// <summary>Resolves what -Path or -LiteralPath give. A path that is not of the file system is written as an error.</summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="paths">The value of -Path.</param>
    /// <param name="literalPaths">The value of -LiteralPath.</param>
    /// <param name="isLiteral">-LiteralPath is given.</param>
    /// <returns>
    /// The paths, each with whether the user has named that file. What a folder or a pattern brings along can be anything.
    /// </returns>
    public static IEnumerable<(string Path, bool IsNamed)> Resolve(
        PSCmdlet cmdlet, string[]? paths, string[] literalPaths, bool isLiteral)
    {
        foreach (string path in (isLiteral ? literalPaths : paths) ?? [])
        {
            bool isNamed = !cmdlet.MyInvocation.ExpectingInput
                && (isLiteral || !WildcardPattern.ContainsWildcardCharacters(path));
            foreach (string file in Resolve(cmdlet, path, isLiteral))
            {
                yield return (file, isNamed);
            }
        }
    }

    private static IReadOnlyList<string> Resolve(PSCmdlet cmdlet, string path, bool isLiteral)
    {
        try
        {
            IReadOnlyList<string> files = isLiteral
                ? [Unresolved(cmdlet, path, out ProviderInfo provider)]
                : Existing(cmdlet, path, out provider);
            if (provider.Name == "FileSystem")
            {
                return files;
            }

            cmdlet.WriteError(Failure.BadArgument(isLiteral ? "LiteralPath" : "Path",
                $"'{SafeText.Escape(path)}' is not a path of the file system.", path));
        }
        catch (WildcardPatternException)
        {
            cmdlet.WriteError(Failure.BadArgument("Path", $"'{SafeText.Escape(path)}' is not a valid pattern. Use "
                + "-LiteralPath for a name with wildcard characters.", path));
        }
        catch (SessionStateException error)
        {
            cmdlet.WriteError(error.ErrorRecord);
        }

        return [];
    }

    private static Collection<string> Existing(PSCmdlet cmdlet, string path, out ProviderInfo provider)
    {
        try
        {
            return cmdlet.GetResolvedProviderPathFromPSPath(path, out provider);
        }
        catch (ItemNotFoundException)
        {
            // The kernel has the reason: the file can exist and be inaccessible to this user.
            return [Unresolved(cmdlet, path, out provider)];
        }
    }

    private static string Unresolved(PSCmdlet cmdlet, string path, out ProviderInfo provider) =>
        cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out provider, out _);
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>The file system's paths that PowerShell's stand for.</summary>
internal static class FilePaths
{
    /// <summary>The paths that one of PowerShell's stands for; what is none is written as an error.</summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="given">The path as given.</param>
    /// <param name="isLiteral">No character is a wildcard.</param>
    public static IReadOnlyList<string> Resolve(PSCmdlet cmdlet, string given, bool isLiteral)
    {
        try
        {
            ProviderInfo provider;
            IReadOnlyList<string> paths;
            if (!isLiteral)
            {
                try
                {
                    paths = cmdlet.GetResolvedProviderPathFromPSPath(given, out provider);
                }
                catch (ItemNotFoundException)
                {
                    // The kernel knows better why: it may be there and closed to this user.
                    paths = [cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(given, out provider, out _)];
                }
            }
            else
            {
                paths = [cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(given, out provider, out _)];
            }

            if (provider.Name == "FileSystem")
            {
                return paths;
            }

            cmdlet.WriteError(Failure.BadArgument(
                isLiteral ? "LiteralPath" : "Path", $"{SafeText.Escape(given)} is no path of the file system.", given));
        }
        catch (SessionStateException error)
        {
            cmdlet.WriteError(error.ErrorRecord);
        }

        return [];
    }
}

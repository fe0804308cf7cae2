namespace MemProc.Tests;

/// <summary>The <c>dotnet</c> program that runs the tests.</summary>
internal static class DotnetHost
{
    /// <summary>Its path; only its name if it has to be found through PATH.</summary>
    public static string Path { get; } = Find();

    private static string Find()
    {
        string? root = Environment.GetEnvironmentVariable("DOTNET_ROOT");
        string?[] candidates =
        [
            Environment.ProcessPath,
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH"),
            root is null ? null : System.IO.Path.Combine(root, "dotnet"),
        ];
        return candidates.FirstOrDefault(path => System.IO.Path.GetFileName(path) == "dotnet" && File.Exists(path))
            ?? "dotnet";
    }
}

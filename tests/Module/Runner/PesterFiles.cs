using System.Collections.Concurrent;
using System.Reflection;

namespace MemProc.ModuleTests;

/// <summary>The Pester files of tests/Module, each discovered and run once when it is first asked for.</summary>
internal static class PesterFiles
{
    private static readonly ConcurrentDictionary<string, PesterReply> Discovered = [];
    private static readonly ConcurrentDictionary<string, PesterReply> Completed = [];
    private static readonly Lazy<PesterSession> Session = new(PesterSession.Start);

    static PesterFiles() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        if (Session.IsValueCreated)
        {
            Session.Value.Dispose();
        }
    };

    /// <summary>The repository's folder.</summary>
    public static string RepoRoot { get; } = Remembered("RepoRoot");

    /// <summary>What the build wrote down about itself.</summary>
    public static string Remembered(string key) => typeof(PesterFiles).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == key).Value!;

    /// <summary>The names of all files, in alphabetical order.</summary>
    public static IEnumerable<string> Names => Directory.GetFiles(Folder, "*.Tests.ps1")
        .Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    /// <summary>Lists the tests of a file without running them.</summary>
    public static PesterReply Discover(string name) =>
        Discovered.GetOrAdd(name, file => Session.Value.Request("discover", Path.Combine(Folder, file)));

    /// <summary>Runs a file, or returns the results of its first run.</summary>
    public static PesterReply Run(string name) =>
        Completed.GetOrAdd(name, file => Session.Value.Request("run", Path.Combine(Folder, file)));

    private static string Folder => Path.Combine(RepoRoot, "tests", "Module");
}

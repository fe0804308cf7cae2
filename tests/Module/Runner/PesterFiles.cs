using System.Collections.Concurrent;
using System.Reflection;

namespace MemProc.ModuleTests;

/// <summary>The Pester files of tests/Module, each discovered and run once on first use.</summary>
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

    /// <summary>Returns a value that the build has stored in the assembly's metadata.</summary>
    public static string Remembered(string key) => typeof(PesterFiles).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == key).Value!;

    /// <summary>The names of all files, in alphabetical order.</summary>
    public static IEnumerable<string> Names => Directory.GetFiles(Folder, "*.Tests.ps1")
        .Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    /// <summary>Lists the tests of a file without running them.</summary>
    public static PesterReply Discover(string name) =>
        Discovered.GetOrAdd(name, file => Session.Value.Request("discover", Path.Combine(Folder, file)));

    /// <summary>Runs a file on the first call, and returns the results.</summary>
    public static PesterReply Run(string name) =>
        Completed.GetOrAdd(name, file => Session.Value.Request("run", Path.Combine(Folder, file)));

    private static string Folder => Path.Combine(RepoRoot, "tests", "Module");
}

/// <summary>A reply of PesterHost.ps1.</summary>
/// <param name="Tests">The tests of a file, in the file's order, discovered or run.</param>
/// <param name="Error">The failure of the file as a whole; empty otherwise.</param>
internal sealed record PesterReply(PesterTest[] Tests, string Error);

/// <summary>A discovered or completed Pester test.</summary>
/// <param name="Name">The names of its blocks and its own name, joined by dots.</param>
/// <param name="Result">Passed, Failed, Skipped, Inconclusive or NotRun.</param>
/// <param name="Message">The reason of a failure or skip; empty otherwise.</param>
/// <param name="Stack">The stack of the failure.</param>
/// <param name="Seconds">Its duration in seconds.</param>
internal sealed record PesterTest(string Name, string Result, string Message, string Stack, double Seconds);

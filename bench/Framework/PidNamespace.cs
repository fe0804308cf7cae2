using System.Diagnostics;
using System.Text.Json;

namespace MemProc.Bench;

/// <summary>Runs a case in a pid namespace of its own, where no process is but those that the bench starts.</summary>
internal static class PidNamespace
{
    /// <summary>Starts the bench again in there for this one case, and takes its result.</summary>
    /// <param name="bench">The case.</param>
    /// <param name="rounds">How many times each contender is measured.</param>
    public static CaseResult Run(Case bench, int rounds)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return CaseResult.Without(bench, skipped: "requires root");
        }

        if (Tools.Find("unshare") is not string unshare)
        {
            return CaseResult.Without(bench, skipped: "unshare is not on PATH");
        }

        using TemporaryFolder folder = new();
        string file = folder.File("result", []);
        ProcessStartInfo start = new(unshare,
        [
            "--pid", "--fork", "--kill-child", "--mount-proc",
            DotnetHost.Path, typeof(PidNamespace).Assembly.Location,
            bench.Name, "--rounds", $"{rounds}", "--result", file,
        ]);
        start.Environment["PAGE_TYPES"] = Tools.PageTypes;
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode == 0
            ? JsonSerializer.Deserialize<CaseResult>(File.ReadAllText(file))!
            : CaseResult.Without(bench, failed: $"its pid namespace ended with {process.ExitCode}");
    }
}

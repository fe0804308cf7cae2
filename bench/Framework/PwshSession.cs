using System.Diagnostics;
using System.Globalization;

namespace MemProc.Bench;

/// <summary>A running PowerShell that executes one line after another and reports the time of each.</summary>
internal sealed class PwshSession : IDisposable
{
    private readonly Process _process;

    private PwshSession(Process process) => _process = process;

    /// <summary>Starts it with MemProc and the bench's empty cmdlet.</summary>
    public static PwshSession Start()
    {
        string root = Programs.Remembered("RepoRoot");
        // The PowerShell that the build downloaded.
        string[] command =
        [
            Programs.Remembered("PwshProgram"), "-NoProfile", "-NonInteractive",
            "-File", Path.Combine(root, "bench", "Framework", "session.ps1"),
        ];
        ProcessStartInfo start = new(DotnetHost.Path, command)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        // Nothing of its own beside the work.
        start.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";
        start.Environment["POWERSHELL_UPDATECHECK"] = "Off";
        // As for the bench itself: what is collected before each turn is kept.
        start.Environment["DOTNET_GCRetainVM"] = "1";
        PwshSession session = new(Process.Start(start)!);
        try
        {
            string manifest = Path.Combine(root, "MemProc.psd1");
            session.Run($"Import-Module '{manifest}', '{Programs.Remembered("EmptyModule")}'");
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Carries out a line.</summary>
    /// <param name="line">PowerShell; what it emits is the answer.</param>
    /// <exception cref="BenchException">It failed.</exception>
    public Sample Run(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
        string reply = _process.StandardOutput.ReadLine() ?? "it ended";
        return reply.Split(' ', 3) is ["ok", string nanoseconds, string answer]
            ? new Sample(double.Parse(nanoseconds, CultureInfo.InvariantCulture), answer)
            : throw new BenchException($"{line}: {reply}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // At the end of its input it ends.
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}

using System.Diagnostics;
using System.IO.Pipes;
using System.Text;
using System.Text.Json;
using MemProc.Tests;

namespace MemProc.ModuleTests;

/// <summary>
/// A PowerShell that runs Pester files, one after another. As root it has a separate pid namespace with its own /proc,
/// so that searches of all processes see only those that the tests started. Without root it has no namespace, and
/// tests that need it are skipped.
/// </summary>
internal sealed class PesterSession : IDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan ExitTimeout = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly NamedPipeServerStream _pipe;
    private readonly StringBuilder _output = new();
    private readonly StreamReader _replies;
    private readonly StreamWriter _requests;

    private PesterSession(Process process, NamedPipeServerStream pipe)
    {
        _process = process;
        _pipe = pipe;
        _replies = new StreamReader(pipe);
        _requests = new StreamWriter(pipe);
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.StandardInput.Close();
    }

    /// <summary>Starts PowerShell.</summary>
    /// <exception cref="InvalidOperationException">PowerShell exited before it accepted requests.</exception>
    public static PesterSession Start()
    {
        string name = $"memproc-{Guid.NewGuid():N}";
        NamedPipeServerStream pipe = new(name, PipeDirection.InOut, 1, PipeTransmissionMode.Byte, PipeOptions.Asynchronous);
        bool hasNamespace = Environment.IsPrivilegedProcess && HasUnshare();
        string[] command =
        [
            .. hasNamespace ? (string[])["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] : [],
            DotnetHost.Path, PesterFiles.Remembered("PwshProgram"), "-NoProfile", "-NonInteractive",
            "-File", Path.Combine(PesterFiles.RepoRoot, "tests", "Module", "Runner", "PesterHost.ps1"),
            "-Pipe", name, "-Pester", PesterFiles.Remembered("PesterModule"),
        ];
        ProcessStartInfo start = new(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = PesterFiles.RepoRoot,
        };
        start.Environment["MEMPROC_PID_NAMESPACE"] = hasNamespace ? "1" : "0";
        start.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";
        start.Environment["POWERSHELL_UPDATECHECK"] = "Off";
        PesterSession session = new(Process.Start(start)!, pipe);
        try
        {
            session.Connect();
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Sends a request and waits for the reply.</summary>
    /// <exception cref="InvalidOperationException">PowerShell exited.</exception>
    public PesterReply Request(string verb, string file)
    {
        lock (_pipe)
        {
            string? line = null;
            try
            {
                _requests.WriteLine($"{verb} {file}");
                _requests.Flush();
                line = _replies.ReadLine();
            }
            catch (IOException)
            {
                // PowerShell exited: the same as no reply.
            }

            return line is null ? throw Ended() : JsonSerializer.Deserialize<PesterReply>(line)!;
        }
    }

    /// <summary>Closes the pipe, which ends PowerShell, and waits for the exit.</summary>
    public void Dispose()
    {
        _pipe.Dispose();
        if (!_process.WaitForExit(ExitTimeout))
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }

    private static bool HasUnshare() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Any(folder => File.Exists(Path.Combine(folder, "unshare")));

    private void Connect()
    {
        using CancellationTokenSource cancellation = new(StartTimeout);
        Task connection = _pipe.WaitForConnectionAsync(cancellation.Token);
        Task exit = _process.WaitForExitAsync(cancellation.Token);
        if (Task.WhenAny(connection, exit).GetAwaiter().GetResult() != connection || !connection.IsCompletedSuccessfully)
        {
            throw Ended();
        }
    }

    private InvalidOperationException Ended()
    {
        lock (_output)
        {
            return new InvalidOperationException($"The PowerShell that runs Pester exited. Its output:\n{_output}");
        }
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (_output)
        {
            _output.AppendLine(line.Data);
        }
    }
}

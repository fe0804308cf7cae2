using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;

namespace MemProc.Tests;

/// <summary>
/// A running MemProc.Target, the target process of a test. It runs the commands of <see cref="Ask"/>, which its
/// CommandTable.cs lists. Disposing it kills it.
/// </summary>
public sealed class TargetProcess : IDisposable
{
    private static readonly TimeSpan Timeout = TestTimeout.OfSeconds(30);

    private readonly Process _process;
    private readonly BlockingCollection<string> _replies = [];
    private readonly StringBuilder _errors = new();
    private readonly Thread _errorReader;
    private bool _disposed;

    private TargetProcess(Process process)
    {
        _process = process;
        // Dedicated threads, not tasks: a thread pool that busy tests have used up must not look like a dead target.
        StreamReader output = _process.StandardOutput, errors = _process.StandardError;
        StartReader(() => ReadReplies(output));
        _errorReader = StartReader(() => ReadErrors(errors));
    }

    /// <summary>The process id in the namespace of this process.</summary>
    public int ProcessId { get; private set; }

    /// <summary>Whether the process exited and was waited for.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <param name="prefix">A command that starts another command, such as <c>setpriv --reuid 65534</c>.</param>
    public static TargetProcess Start(params string[] prefix)
    {
        string[] command = [.. prefix, DotnetHost.Path, prefix.Length == 0 ? Programs.Target : Programs.MakeWorldReadable(Programs.Target)];
        ProcessStartInfo start = new(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
        };
        start.Environment["LC_ALL"] = "C";
        // Otherwise the runtime opens a socket and starts a thread for debuggers.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";

        TargetProcess target = new(Process.Start(start)!);
        try
        {
            TargetReply ready = new(target.NextLine("the start"), "ready");
            target.ProcessId = ProcessTree.Find(target._process.Id, (int)ready.Number("pid"))
                ?? throw new TargetException($"{ready}: not below pid {target._process.Id}");
            return target;
        }
        catch
        {
            target.Dispose();
            throw;
        }
    }

    /// <summary>Sends a command and waits for the reply.</summary>
    /// <exception cref="TargetException">It rejected the command, exited or did not reply in time.</exception>
    public TargetReply Ask(string command)
    {
        try
        {
            _process.StandardInput.Write($"{command}\n");
            _process.StandardInput.Flush();
        }
        catch (IOException exception)
        {
            throw new TargetException($"{command}: {ExitReport()}", exception);
        }

        string line = NextLine(command);
        return line.StartsWith("ok", StringComparison.Ordinal)
            ? new TargetReply(line, "ok")
            : throw new TargetException($"{command}: {line}");
    }

    /// <summary>Sends the exit command and waits for the exit.</summary>
    /// <returns>The exit code.</returns>
    public int Exit()
    {
        Ask("exit");
        WaitForEnd();
        return _process.ExitCode;
    }

    /// <summary>Kills it and waits for its exit.</summary>
    public void Kill()
    {
        // With its children, since a prefix command may have started the target instead of becoming it.
        _process.Kill(entireProcessTree: true);
        WaitForEnd();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }

    private static Thread StartReader(ThreadStart work)
    {
        Thread thread = new(work) { IsBackground = true };
        thread.Start();
        return thread;
    }

    private void ReadReplies(StreamReader output)
    {
        while (output.ReadLine() is { } line)
        {
            _replies.Add(line);
        }

        _replies.CompleteAdding();
    }

    private void ReadErrors(StreamReader errors)
    {
        while (errors.ReadLine() is { } line)
        {
            lock (_errors)
            {
                _errors.AppendLine(line);
            }
        }
    }

    private string NextLine(string command)
    {
        if (_replies.TryTake(out string? line, Timeout))
        {
            return line;
        }

        throw new TargetException(_replies.IsCompleted
            ? $"{command}: {ExitReport()}"
            : $"{command}: no reply in {Timeout.TotalSeconds} s");
    }

    private string ExitReport()
    {
        WaitForEnd();
        _errorReader.Join(Timeout);
        lock (_errors)
        {
            return $"the target exited with exit code {_process.ExitCode}\n{_errors}";
        }
    }

    private void WaitForEnd()
    {
        if (!_process.WaitForExit(Timeout))
        {
            throw new TargetException($"the target (pid {ProcessId}) does not exit");
        }
    }
}

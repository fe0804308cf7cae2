using System.Diagnostics;

namespace MemProc.Bench;

/// <summary>Many small processes that do nothing.</summary>
internal sealed class SleepingProcesses : IDisposable
{
    private readonly Process[] _processes;

    /// <summary>Starts them.</summary>
    public SleepingProcesses(int count) =>
        _processes = [.. Enumerable.Range(0, count).Select(_ => Process.Start("sleep", "86400"))];

    /// <summary>Their process ids.</summary>
    public IEnumerable<int> Ids => _processes.Select(process => process.Id);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Process process in _processes)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
    }
}

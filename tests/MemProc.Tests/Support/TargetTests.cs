namespace MemProc.Tests;

/// <summary>Base of tests with a separate target process for each.</summary>
public abstract class TargetTests : IDisposable
{
    protected TargetTests() => Process = LinuxProcess.Open(Target.ProcessId);

    /// <summary>The process, to send commands to.</summary>
    protected TargetProcess Target { get; } = TargetProcess.Start();

    /// <summary>The process, opened by MemProc.</summary>
    protected LinuxProcess Process { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Process.Dispose();
        Target.Dispose();
        GC.SuppressFinalize(this);
    }
}

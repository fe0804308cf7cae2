namespace MemProc.Tests;

/// <summary>Tests of which each looks into a process of its own.</summary>
public abstract class TargetTests : IDisposable
{
    protected TargetTests() => Process = LinuxProcess.Open(Target.ProcessId);

    /// <summary>The process as one that can be told what to do.</summary>
    protected TargetProcess Target { get; } = TargetProcess.Start();

    /// <summary>The process as MemProc sees it.</summary>
    protected LinuxProcess Process { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Process.Dispose();
        Target.Dispose();
        GC.SuppressFinalize(this);
    }
}

namespace MemProc.Tests;

/// <summary>Base of tests with a separate target process for each.</summary>
public abstract class TargetTests : IDisposable
{
    protected TargetTests() => Process = LinuxProcess.Open(Target.ProcessId);

    /// <summary>The process, to send commands to.</summary>
    protected TargetProcess Target { get; } = TargetProcess.Start();

    /// <summary>The process, opened by MemProc.</summary>
    protected LinuxProcess Process { get; }

    /// <summary>Maps memory that stays in small pages.</summary>
    protected ulong MapSmallPages(int pages)
    {
        ulong address = Target.Ask($"map {(ulong)pages * Page.Size} rw- private").Address("address");
        Target.Ask($"advise {address} {(ulong)pages * Page.Size} 15");
        return address;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Process.Dispose();
        Target.Dispose();
        GC.SuppressFinalize(this);
    }
}

using System.ComponentModel;
using System.Runtime.InteropServices;

namespace MemProc.Tests;

/// <summary>
/// A process that SIGSTOP has stopped, until this is disposed. Much faster than <see cref="ProcessStop"/>, for tests
/// that stop thousands of times.
/// </summary>
internal sealed partial class SuspendedProcess : IDisposable
{
    // signal(7); the same on x86-64 and arm64.
    private const int Continue = 18, Stop = 19;

    private static readonly TimeSpan Timeout = TestTimeout.OfSeconds(30);

    private readonly int _id;

    private SuspendedProcess(int id) => _id = id;

    /// <summary>Stops it, and waits until all its threads are stopped.</summary>
    public static SuspendedProcess Begin(LinuxProcess process)
    {
        Send(process.Id, Stop);
        SuspendedProcess suspended = new(process.Id);
        bool isStopped = SpinWait.SpinUntil(
            () => process.ThreadIds().All(thread => process.ThreadStat(thread) is not { } stat || stat.State == 'T'), Timeout);
        if (!isStopped)
        {
            suspended.Dispose();
            Assert.Fail($"Process {process.Id} does not stop.");
        }

        return suspended;
    }

    /// <inheritdoc/>
    public void Dispose() => Send(_id, Continue);

    private static void Send(int id, int signal)
    {
        if (kill(id, signal) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int id, int signal);
}

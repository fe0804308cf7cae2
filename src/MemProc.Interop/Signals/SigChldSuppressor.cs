using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MemProc.Interop;

/// <summary>
/// Keeps the .NET runtime from waiting for child processes while threads are being stopped by ptrace(2).
/// </summary>
/// <remarks>
/// <para>
/// A wait for any child also returns tracees of this process that stop, whatever the wait asked for. Up to .NET 10 the
/// runtime takes each result for an exit: a child that it started, and that MemProc stops, would count as exited with
/// code 0 while it still runs.
/// </para>
/// <para>
/// Two measures keep the runtime away. SIGCHLD gets its default disposition, which is to do nothing, so that no thread
/// is woken by each thread that stops. And the lock is held under which the runtime starts processes and waits for
/// them: a handler that ran when the signal was silenced still writes to the runtime's pipe, however late, but the
/// thread that reads the pipe waits for the lock (<c>OnSigChild</c> in the runtime's <c>Process.Unix.cs</c>,
/// <c>SignalHandler</c> in its <c>pal_signal.c</c>). On disposal the runtime is told to check all children. It is
/// disposed of by the thread that created it, which starts no process meanwhile; other threads that start one may have
/// to wait. One exists at a time: a thread that creates another waits.
/// </para>
/// <para>
/// The lock is a private field of .NET 10 (<c>Process.s_processStartLock</c>). Where a runtime has no such field,
/// SIGCHLD alone is silenced and <see cref="HoldsRuntimeLock"/> is false: a late handler can then make the runtime wait
/// for children at the wrong time. Callers report that.
/// </para>
/// <para>
/// Remove this class when MemProc no longer supports .NET 10. Later runtimes check whether a child has really exited
/// (<c>isExited</c> in <c>ProcessWaitState.CheckChildren</c>, <c>ProcessWaitState.Unix.cs</c>). They may still consume
/// the notification that a thread has stopped, as any code in this process can that waits for any child; a wait for a
/// stop must therefore also check the state of the thread in procfs.
/// </para>
/// </remarks>
public sealed class SigChldSuppressor : IDisposable
{
    private static readonly Lock OneAtATime = new();

    private readonly ReaderWriterLockSlim? _runtime = RuntimeLock;
    private readonly byte[] _handler;
    private bool _disposed;

    /// <summary>Silences the signal, once the runtime has finished the wait that it is in.</summary>
    /// <exception cref="ErrnoException">sigaction(2) failed.</exception>
    public SigChldSuppressor()
    {
        OneAtATime.Enter();
        // For reading, like threads that start a process: the thread that waits for children enters for writing.
        _runtime?.EnterReadLock();
        try
        {
            _handler = Libc.ReplaceChildHandler();
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <summary>
    /// Whether this runtime has the lock that is held. False: a child process that exits while threads are being
    /// stopped can get a wrong exit code.
    /// </summary>
    public static bool HoldsRuntimeLock => RuntimeLock is not null;

    /// <summary>The runtime's lock; null where the field does not exist. Tests set it to null.</summary>
    internal static ReaderWriterLockSlim? RuntimeLock { get; set; } = Find(() => ProcessStartLock(null));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            try
            {
                Libc.RestoreChildHandler(_handler);
            }
            finally
            {
                Release();
            }
        }
    }

    /// <summary>Reads a private field; null where the runtime has no such field.</summary>
    internal static ReaderWriterLockSlim? Find(Func<ReaderWriterLockSlim> read)
    {
        try
        {
            return read();
        }
        catch (MissingFieldException)
        {
            return null;
        }
    }

    private void Release()
    {
        _runtime?.ExitReadLock();
        OneAtATime.Exit();
    }

    [UnsafeAccessor(UnsafeAccessorKind.StaticField, Name = "s_processStartLock")]
    private static extern ref ReaderWriterLockSlim ProcessStartLock(Process? type);
}

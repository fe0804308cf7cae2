using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MemProc.Interop;

/// <summary>
/// While it lives, nobody in this program looks after its children: neither whether they end nor, if it traces some,
/// whether they stop. Whoever waits for any child is told of tracees that stop, too, and the .NET runtime would take one
/// that it has started for ended. Afterwards all are told to look. There is one at a time; a thread that wants another
/// waits. It is disposed of by the thread that began it, which starts no process meanwhile; those that other threads
/// start may have to wait.
/// </summary>
/// <remarks>
/// <para>
/// Two things keep the runtime away. SIGCHLD does nothing, so that nobody is woken by each thread that stops. And the
/// lock under which the runtime starts processes and looks after them is held: a handler that was under way when the
/// signal was silenced still writes to the runtime's pipe, however late, but who reads it comes no further than the lock
/// (<c>OnSigChild</c> in the runtime's <c>Process.Unix.cs</c>, <c>SignalHandler</c> in its <c>pal_signal.c</c>).
/// </para>
/// <para>
/// The lock is a private field of .NET 10. Where a runtime has none by that name there is only the first, and a late
/// handler may have it look meanwhile. Those that come after .NET 10 look whether a child has really ended and take none
/// that stops for ended; they may be told of a stop in the place of whoever waits for it. So may other code in this
/// program that waits for any child without being woken by SIGCHLD.
/// </para>
/// </remarks>
public sealed class ChildSignalSilence : IDisposable
{
    private static readonly Lock OneAtATime = new();

    private readonly ReaderWriterLockSlim? _runtime = RuntimeLock();
    private readonly byte[] _handler;
    private bool _disposed;

    /// <summary>Begins the silence, when the runtime has looked after what it is at.</summary>
    /// <exception cref="ErrnoException">The kernel refused.</exception>
    public ChildSignalSilence()
    {
        OneAtATime.Enter();
        // For reading, as those hold it who start a process: who looks after children wants it for writing.
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

    private void Release()
    {
        _runtime?.ExitReadLock();
        OneAtATime.Exit();
    }

    private static ReaderWriterLockSlim? RuntimeLock()
    {
        try
        {
            return ProcessStartLock(null);
        }
        catch (MissingFieldException)
        {
            return null;
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.StaticField, Name = "s_processStartLock")]
    private static extern ref ReaderWriterLockSlim ProcessStartLock(Process? type);
}

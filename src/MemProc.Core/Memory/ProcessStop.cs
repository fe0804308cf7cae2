using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Stops all threads of a process by ptrace(2) until disposal, so that all reads see it at one moment.
/// </summary>
/// <remarks>
/// The process resumes in every case: when this program exits, even if it is killed, the kernel detaches its tracees.
/// Stopping a thread interrupts its system calls. The kernel restarts most of them; some, such as epoll_wait(2), return
/// EINTR, which programs must expect anyway (signal(7)).
/// </remarks>
public sealed class ProcessStop : IDisposable
{
    /// <summary>How often threads that have exited are released during a stop, which most often takes less time.</summary>
    private static readonly TimeSpan ReapInterval = TimeSpan.FromMilliseconds(2);

    private static int _warned;

    private readonly LinuxProcess _process;
    private readonly TracerThread _tracer;
    private readonly ThreadStopper _threads;
    private bool _isDisposed;

    private ProcessStop(LinuxProcess process, CancellationToken cancellation)
    {
        _process = process;
        _tracer = new TracerThread(process.Files);
        _threads = new ThreadStopper(process, _tracer, cancellation);
    }

    /// <summary>The ids of the stopped threads, in ascending order.</summary>
    public IReadOnlyList<int> ThreadIds => _threads.ThreadIds;

    /// <summary>
    /// Returns a warning for users of this .NET runtime who stop processes, once in the life of this program; otherwise
    /// null.
    /// </summary>
    public static string? TakeRuntimeWarning() =>
        RuntimeWarning(SigChldSuppressor.HoldsRuntimeLock) is string warning
            && Interlocked.Exchange(ref _warned, 1) == 0
            ? warning
            : null;

    /// <summary>The warning for a runtime; null where there is nothing to warn about.</summary>
    /// <param name="holdsRuntimeLock">See <see cref="SigChldSuppressor.HoldsRuntimeLock"/>.</param>
    internal static string? RuntimeWarning(bool holdsRuntimeLock) => holdsRuntimeLock ? null
        : $"MemProc was not tested with {RuntimeInformation.FrameworkDescription}, which lacks "
            + "Process.s_processStartLock. A program that this session started may be reported as exited, with exit code "
            + "0, while MemProc stops it.";

    /// <summary>Stops a process.</summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Aborts the stop.</param>
    /// <exception cref="MemProcException">
    /// StopProcess: EPERM without ptrace access, for this process itself, or where another process traces it;
    /// EOPNOTSUPP where procfs belongs to another PID namespace; EBUSY where a thread does not stop; ESRCH where the
    /// process has exited. The process runs on.
    /// </exception>
    public static ProcessStop Begin(LinuxProcess process, CancellationToken cancellation = default)
    {
        if (process.Id == process.Files.OwnId)
        {
            throw new MemProcException(Operation.StopProcess, Errno.EPERM,
                $"Process {process.Identity} is this process, which cannot stop itself.", process.Id)
            {
                ProcessId = process.Id,
            };
        }

        if (!process.Files.NumbersAsCalls)
        {
            throw new MemProcException(Operation.StopProcess, Errno.EOPNOTSUPP,
                $"Process {process.Identity} cannot be stopped: {process.Files.Proc} belongs to another PID namespace, and "
                + "ptrace(2) takes process ids of this one.", process.Id);
        }

        // Until the tracer has waited for each stop, another thread could consume its notification.
        using SigChldSuppressor silence = new();
        ProcessStop stop = new(process, cancellation);
        try
        {
            Task<bool> stopping = stop._tracer.Start(stop._threads.StopAll);
            while (!((IAsyncResult)stopping).AsyncWaitHandle.WaitOne(ReapInterval))
            {
                stop._threads.Reap();
            }

            stopping.GetAwaiter().GetResult();
            process.IsStopped = true;
            return stop;
        }
        catch
        {
            stop.Dispose();
            if (stop._threads.IsStopping)
            {
                stop._tracer.WaitForDetach();
            }

            throw;
        }
    }

    /// <summary>
    /// Reads a register set of a stopped thread in the kernel's layout; null where there is no such set.
    /// </summary>
    /// <param name="threadId">The thread.</param>
    /// <param name="noteType">The note type of the set, as in core files (<c>include/uapi/linux/elf.h</c>).</param>
    /// <exception cref="MemProcException">StopProcess, ESRCH: the thread was killed.</exception>
    public byte[]? ReadRegisters(int threadId, uint noteType) => _tracer.Run(() =>
    {
        byte[] buffer = new byte[64 * 1024];
        Errno errno = Libc.TryPTraceGetRegSet(threadId, noteType, buffer, out int length);
        return errno switch
        {
            Errno.None => buffer[..length],
            Errno.ESRCH => throw ProcessKilled(threadId),
            _ => null,
        };
    });

    /// <summary>Reads the siginfo_t of the signal that stopped a thread; null where no signal stopped it.</summary>
    /// <param name="threadId">The thread.</param>
    /// <exception cref="MemProcException">StopProcess, ESRCH: the thread was killed.</exception>
    public byte[]? ReadSignalInfo(int threadId) => _tracer.Run(() =>
    {
        byte[] buffer = new byte[Libc.SignalInfoBytes];
        return Libc.TryPTraceGetSigInfo(threadId, buffer) switch
        {
            Errno.None => buffer,
            Errno.ESRCH => throw ProcessKilled(threadId),
            _ => null,
        };
    });

    /// <summary>Resumes the process.</summary>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _tracer.Run(_threads.Detach);
            _tracer.Dispose();
            _process.IsStopped = false;
        }
    }

    private MemProcException ProcessKilled(int thread) =>
        _process.Failure(Operation.StopProcess, Errno.ESRCH, $"its thread {thread} was killed meanwhile");
}

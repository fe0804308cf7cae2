using System.Buffers.Binary;
using System.Buffers.Text;
using System.Collections.Concurrent;
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
    private const int PTraceEventStop = 128;

    /// <summary>
    /// How long a thread may take to stop. One in an uninterruptible wait for a device may never stop.
    /// </summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How long an aborted stop may take, for example after Ctrl-C.</summary>
    private static readonly TimeSpan ReleaseTimeout = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a refusal may last that no right explains: an execve(2) of a thread causes such ones.</summary>
    private static readonly TimeSpan RefusalTimeout = TimeSpan.FromSeconds(1);

    /// <summary>How often threads that have exited are released during a stop, which most often takes less time.</summary>
    private static readonly TimeSpan ReapInterval = TimeSpan.FromMilliseconds(2);

    private static int _warned;

    private readonly LinuxProcess _process;
    private readonly CancellationToken _cancellation;

    /// <summary>For each stopped thread, the signal that was to be delivered when it stopped, or 0.</summary>
    private readonly SortedDictionary<int, int> _signals = [];

    /// <summary>Threads that were requested to stop and are not known to have stopped.</summary>
    private readonly HashSet<int> _stopping = [];

    /// <summary>All threads that were ever seized.</summary>
    private readonly ConcurrentDictionary<int, bool> _seized = [];

    /// <summary>Makes all ptrace requests, which must come from one thread.</summary>
    private readonly Thread _tracer;
    private readonly BlockingCollection<Action> _work = [];
    private string? _tracerPath;
    private int _tracerId;
    private bool _isDisposed;

    private ProcessStop(LinuxProcess process, CancellationToken cancellation)
    {
        _process = process;
        _cancellation = cancellation;
        _tracer = new Thread(Trace) { IsBackground = true, Name = "MemProc tracer" };
        _tracer.Start();
    }

    /// <summary>The ids of the stopped threads, in ascending order.</summary>
    public IReadOnlyList<int> ThreadIds => [.. _signals.Keys];

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
            Task<bool> stopping = stop.Start(stop.StopAll);
            while (!((IAsyncResult)stopping).AsyncWaitHandle.WaitOne(ReapInterval))
            {
                stop.ReapThreads();
            }

            stopping.GetAwaiter().GetResult();
            process.IsStopped = true;
            return stop;
        }
        catch
        {
            stop.Dispose();
            stop.WaitForDetach();
            throw;
        }
    }

    /// <summary>
    /// Reads a register set of a stopped thread in the kernel's layout; null where there is no such set.
    /// </summary>
    /// <param name="threadId">The thread.</param>
    /// <param name="noteType">The note type of the set, as in core files (<c>include/uapi/linux/elf.h</c>).</param>
    /// <exception cref="MemProcException">StopProcess, ESRCH: the thread was killed.</exception>
    public byte[]? ReadRegisters(int threadId, uint noteType) => Run(() =>
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
    public byte[]? ReadSignalInfo(int threadId) => Run(() =>
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
            _work.CompleteAdding();
            _tracer.Join();
            _process.IsStopped = false;
            _work.Dispose();
        }
    }

    private void Trace()
    {
        _tracerPath = new FileInfo($"{_process.Files.Proc}/thread-self").LinkTarget;
        _tracerId = int.TryParse(Path.GetFileName(_tracerPath), out int id) ? id : -1;
        foreach (Action work in _work.GetConsumingEnumerable())
        {
            work();
        }

        foreach ((int thread, int signal) in _signals)
        {
            // One that was killed meanwhile need not be detached.
            Libc.TryPTraceDetach(thread, signal);
        }
    }

    private T Run<T>(Func<T> work) => Start(work).GetAwaiter().GetResult();

    private Task<T> Start<T>(Func<T> work)
    {
        TaskCompletionSource<T> result = new();
        _work.Add(() =>
        {
            try
            {
                result.SetResult(work());
            }
            catch (Exception error)
            {
                result.SetException(error);
            }
        });
        return result.Task;
    }

    /// <summary>
    /// Releases threads that exited while they were traced. An execve(2) of another thread waits for that, and
    /// PTRACE_SEIZE waits for the execve: the tracer cannot do it.
    /// </summary>
    private void ReapThreads()
    {
        foreach (int thread in _seized.Keys)
        {
            // A thread that is a zombie here cannot be another one: its id is in use until it is released.
            if (thread != _process.Id && _process.ThreadStat(thread) is { IsZombie: true })
            {
                Libc.TryReapThread(thread);
            }
        }
    }

    /// <summary>Stops threads until none runs: those that still ran may have started others.</summary>
    private bool StopAll()
    {
        try
        {
            long started = Environment.TickCount64;
            do
            {
                while (StopThreads())
                {
                    _cancellation.ThrowIfCancellationRequested();
                }
            }
            while (!AreAllStopped(started));
        }
        catch
        {
            Abort();
            throw;
        }

        _process.ThrowIfExited(Operation.StopProcess);
        return true;
    }

    /// <summary>Stops the threads that exist now; false where none was running.</summary>
    private bool StopThreads()
    {
        int[] running = [.. _process.ThreadIds().Where(thread => !_signals.ContainsKey(thread) && Seize(thread))];
        foreach (int thread in running)
        {
            if (HasStopped(thread))
            {
                _signals[thread] = PendingSignal(thread);
            }

            _stopping.Remove(thread);
        }

        return running.Length > 0;
    }

    /// <summary>
    /// Whether every thread of the process is stopped. A thread that calls execve(2) gets the id of the main thread, which
    /// was another one when it was stopped; and the list of threads ends early where one exits while it is read.
    /// </summary>
    private bool AreAllStopped(long started)
    {
        int[] threads = _process.ThreadIds();
        bool isComplete = threads.Length >= ThreadCount();
        foreach (int gone in _signals.Keys.Except(threads).ToArray())
        {
            _signals.Remove(gone);
        }

        foreach (int thread in threads)
        {
            ProcessStat? stat = _process.ThreadStat(thread);
            if (stat is not { State: 't' })
            {
                _signals.Remove(thread);
                isComplete &= stat is { IsZombie: true };
            }
            else if (Libc.TryWaitForStop(thread, out bool hasStopped) == Errno.None && hasStopped)
            {
                // The stop of a thread that got this id meanwhile.
                _signals[thread] = PendingSignal(thread);
            }
        }

        return isComplete || _process.HasExited || (Environment.TickCount64 - started > StopTimeout.TotalMilliseconds
            ? throw new MemProcException(Operation.StopProcess, Errno.EBUSY,
                $"Process {_process.Identity} could not be stopped within {StopTimeout.TotalSeconds} s: it starts threads or "
                + "programs faster than they can be stopped. The process runs on.", _process.Id)
            : false);
    }

    /// <summary>
    /// Waits briefly for threads that are about to stop, since the request cannot be withdrawn. A stop that no thread
    /// has waited for makes the .NET runtime search its children for one that exited, in an endless loop.
    /// </summary>
    private void Abort()
    {
        long started = Environment.TickCount64;
        foreach (int thread in _stopping)
        {
            SpinWait spin = default;
            bool hasStopped = false;
            while (!hasStopped && Environment.TickCount64 - started < ReleaseTimeout.TotalMilliseconds
                && Libc.TryWaitForStop(thread, out hasStopped) == Errno.None)
            {
                spin.SpinOnce(sleep1Threshold: 100);
            }

            if (hasStopped)
            {
                _signals[thread] = PendingSignal(thread);
            }
        }
    }

    /// <summary>
    /// Waits until the kernel has detached threads that did not stop in time. It does so when the tracer thread exits,
    /// slightly after the runtime reports that; until then they could still stop.
    /// </summary>
    private void WaitForDetach()
    {
        if (_stopping.Count > 0 && _tracerPath is string path)
        {
            SpinWait.SpinUntil(() => !Directory.Exists($"{_process.Files.Proc}/{path}"));
        }
    }

    /// <summary>Requests that a thread stop; false where it has exited.</summary>
    private bool Seize(int thread)
    {
        long started = Environment.TickCount64;
        for (SpinWait spin = default; ; spin.SpinOnce(sleep1Threshold: 100))
        {
            _cancellation.ThrowIfCancellationRequested();
            Errno errno = Libc.TryPTraceSeize(thread);
            // EPERM is also the answer for a thread that is exiting, or that this stop traces already: one that has called
            // execve(2) under another id.
            if (errno is not (Errno.None or Errno.ESRCH) && _process.ThreadStat(thread) is { IsZombie: false })
            {
                int tracer = TracerId(thread);
                if (tracer != _tracerId)
                {
                    ThrowIfRefused(thread, tracer, errno, started);
                    continue;
                }

                errno = Errno.None;
            }

            if (errno != Errno.None)
            {
                return false;
            }

            _stopping.Add(thread);
            _seized[thread] = true;
            return Libc.TryPTraceInterrupt(thread) != Errno.ESRCH || _process.ThreadStat(thread) is { IsZombie: false };
        }
    }

    private void ThrowIfRefused(int thread, int tracer, Errno errno, long started)
    {
        if (tracer != 0)
        {
            throw new MemProcException(Operation.StopProcess, errno, $"Process {_process.Identity} cannot be stopped: "
                + $"{TracerName(tracer)} traces it, and a process can have one tracer only. Detach it, or continue without "
                + "stopping the process.", _process.Id)
            {
                ProcessId = _process.Id,
            };
        }

        AccessDiagnosis diagnosis = _process.Diagnose(file: null);
        if (diagnosis.IsRefused || Environment.TickCount64 - started > RefusalTimeout.TotalMilliseconds)
        {
            throw _process.Failure(Operation.StopProcess, errno, $"cannot stop its thread {thread}");
        }
    }

    /// <summary>Waits until a thread has stopped; false where it has exited instead.</summary>
    private bool HasStopped(int thread)
    {
        long started = Environment.TickCount64;
        bool isTraced = false;
        for (SpinWait spin = default; ; spin.SpinOnce(sleep1Threshold: 100))
        {
            _cancellation.ThrowIfCancellationRequested();
            Libc.TryWaitForStop(thread, out bool hasStopped);
            // A stop is reported once. If the thread is stopped already, another thread has consumed the report.
            if (hasStopped || isTraced)
            {
                return true;
            }

            if (_process.ThreadStat(thread) is not { IsZombie: false } stat)
            {
                return false;
            }

            isTraced = stat.State == 't';
            if (Environment.TickCount64 - started > StopTimeout.TotalMilliseconds)
            {
                throw new MemProcException(Operation.StopProcess, Errno.EBUSY,
                    $"Process {_process.Identity}: its thread {thread} did not stop within {StopTimeout.TotalSeconds} s; "
                    + "it is in an uninterruptible wait, for example for a device or for a child of vfork(2). The process "
                    + "runs on.",
                    _process.Id);
            }
        }
    }

    /// <summary>Returns the signal that was to be delivered to a thread when it stopped, or 0.</summary>
    private static int PendingSignal(int thread)
    {
        Span<byte> info = stackalloc byte[Libc.SignalInfoBytes];
        if (Libc.TryPTraceGetSigInfo(thread, info) != Errno.None)
        {
            return 0;
        }

        // si_signo and si_code; a stop that was requested carries an event above its signal.
        int code = BinaryPrimitives.ReadInt32LittleEndian(info[8..]);
        return code >> 8 == PTraceEventStop ? 0 : BinaryPrimitives.ReadInt32LittleEndian(info);
    }

    /// <summary>Returns the thread that traces a thread of the process; 0 where none does, or it exits meanwhile.</summary>
    private int TracerId(int thread) => StatusNumber($"task/{thread}/status", "TracerPid"u8);

    private int ThreadCount() => StatusNumber("status", "Threads"u8);

    private int StatusNumber(string file, ReadOnlySpan<byte> name)
    {
        try
        {
            using ProcfsLines lines = new(_process, file, Operation.StopProcess);
            while (lines.MoveNext())
            {
                if (StatusLine.TryParse(lines.Current, out StatusLine line) && line.Name.SequenceEqual(name))
                {
                    return Utf8Parser.TryParse(line.Text, out int number, out _) ? number : 0;
                }
            }
        }
        catch (MemProcException error) when (error.Errno is Errno.ENOENT or Errno.ESRCH)
        {
            // The thread has exited.
        }

        return 0;
    }

    /// <summary>Returns id and name of the process that a tracing thread belongs to: <c>process 812 (gdb)</c>.</summary>
    private string TracerName(int thread)
    {
        try
        {
            using LinuxProcess tracer = LinuxProcess.Open(thread, files: _process.Files);
            return $"process {tracer.ThreadGroup()}";
        }
        catch (MemProcException)
        {
            return $"process {thread}";
        }
    }

    private MemProcException ProcessKilled(int thread) =>
        _process.Failure(Operation.StopProcess, Errno.ESRCH, $"its thread {thread} was killed meanwhile");
}

using System.Buffers.Binary;
using System.Buffers.Text;
using System.Collections.Concurrent;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// A process that is held still: all its threads are stopped by ptrace(2) until this is disposed, so that what is
/// read meanwhile belongs together. Whatever happens the process runs on afterwards: when this program ends, killed
/// included, the kernel lets it go.
/// </summary>
/// <remarks>
/// Stopping interrupts what a thread waits for. The kernel takes most waits up again; some, epoll_wait(2) among them,
/// return EINTR, which a program must expect of them anyway (signal(7)).
/// </remarks>
public sealed class ProcessStop : IDisposable
{
    private const int PTraceEventStop = 128;

    /// <summary>How long a thread may take to stop. One that waits uninterruptibly for a device may take forever.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>How long it may take to take a stop back: nobody who pressed Ctrl-C waits long.</summary>
    private static readonly TimeSpan LastPatience = TimeSpan.FromMilliseconds(200);

    private readonly LinuxProcess _process;
    private readonly CancellationToken _cancellation;

    /// <summary>Signals that threads were about to get when they stopped, by thread.</summary>
    private readonly SortedDictionary<int, int> _signals = [];

    /// <summary>Threads that were told to stop and are not known to have done so.</summary>
    private readonly HashSet<int> _stopping = [];

    /// <summary>ptrace belongs to one thread: this one does all of it.</summary>
    private readonly Thread _tracer;
    private readonly BlockingCollection<Action> _work = [];
    private string? _tracerPath;
    private bool _isDisposed;

    private ProcessStop(LinuxProcess process, CancellationToken cancellation)
    {
        _process = process;
        _cancellation = cancellation;
        _tracer = new Thread(Trace) { IsBackground = true, Name = "MemProc tracer" };
        _tracer.Start();
    }

    /// <summary>The ids of the threads that are held, in rising order.</summary>
    public IReadOnlyList<int> ThreadIds => [.. _signals.Keys];

    /// <summary>Stops a process.</summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Gives up stopping it.</param>
    /// <exception cref="MemProcException">
    /// StopProcess: EPERM without ptrace access, for this process itself, or where another traces it; EOPNOTSUPP where
    /// procfs is that of another pid namespace; EBUSY where a thread does not stop; ESRCH where the process has exited. It
    /// runs on in each case.
    /// </exception>
    public static ProcessStop Hold(LinuxProcess process, CancellationToken cancellation = default)
    {
        if (process.Id == Environment.ProcessId)
        {
            throw new MemProcException(Operation.StopProcess, Errno.EPERM,
                $"Process {process.Identity} is the one that asks, and cannot stop itself.", process.Id);
        }

        if (!process.Files.NumbersAsCalls)
        {
            throw new MemProcException(Operation.StopProcess, Errno.EOPNOTSUPP,
                $"Process {process.Identity} cannot be stopped: {process.Files.Proc} numbers processes as another pid "
                + "namespace does, and ptrace(2) goes by numbers.", process.Id);
        }

        // Until each stop was told to the tracer it could be told to another thread.
        using ChildSignalSilence silence = new();
        ProcessStop stop = new(process, cancellation);
        try
        {
            stop.Run(stop.StopAll);
            return stop;
        }
        catch
        {
            stop.Dispose();
            stop.WaitUntilForgotten();
            throw;
        }
    }

    /// <summary>A set of registers of a thread that is held, in the kernel's layout; null where it has no such set.</summary>
    /// <param name="threadId">The thread.</param>
    /// <param name="noteType">Which set, as notes of core files name them (<c>include/uapi/linux/elf.h</c>).</param>
    /// <exception cref="MemProcException">StopProcess, ESRCH: the thread was killed.</exception>
    public byte[]? ReadRegisters(int threadId, uint noteType) => Run(() =>
    {
        byte[] buffer = new byte[64 * 1024];
        Errno errno = Libc.TryPTraceGetRegSet(threadId, noteType, buffer, out int length);
        return errno switch
        {
            Errno.None => buffer[..length],
            Errno.ESRCH => throw Killed(threadId),
            _ => null,
        };
    });

    /// <summary>Why a thread that is held has stopped, a siginfo_t; null where it stopped for no signal.</summary>
    /// <param name="threadId">The thread.</param>
    /// <exception cref="MemProcException">StopProcess, ESRCH: the thread was killed.</exception>
    public byte[]? ReadSignalInfo(int threadId) => Run(() =>
    {
        byte[] buffer = new byte[Libc.SignalInfoBytes];
        return Libc.TryPTraceGetSigInfo(threadId, buffer) switch
        {
            Errno.None => buffer,
            Errno.ESRCH => throw Killed(threadId),
            _ => null,
        };
    });

    /// <summary>Lets the process run on.</summary>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _work.CompleteAdding();
            _tracer.Join();
            _work.Dispose();
        }
    }

    private void Trace()
    {
        _tracerPath = new FileInfo("/proc/thread-self").LinkTarget;
        foreach (Action work in _work.GetConsumingEnumerable())
        {
            work();
        }

        foreach ((int thread, int signal) in _signals)
        {
            // One that was killed meanwhile is none to let go.
            Libc.TryPTraceDetach(thread, signal);
        }
    }

    private T Run<T>(Func<T> work)
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
        return result.Task.GetAwaiter().GetResult();
    }

    /// <summary>Stops threads until there is none that runs: the ones that still ran may have started others.</summary>
    private bool StopAll()
    {
        try
        {
            while (StopThreads())
            {
            }
        }
        catch
        {
            GiveUp();
            throw;
        }

        _process.ThrowIfExited(Operation.StopProcess);
        return true;
    }

    /// <summary>Stops the threads that there are; false where none ran any more.</summary>
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
    /// Waits a moment for threads that are about to stop, which cannot be taken back: a stop that nobody waited for
    /// makes the .NET runtime, once it hears of its children again, look for one that has ended, for ever.
    /// </summary>
    private void GiveUp()
    {
        long begin = Environment.TickCount64;
        foreach (int thread in _stopping)
        {
            SpinWait spin = default;
            bool hasStopped = false;
            while (!hasStopped && Environment.TickCount64 - begin < LastPatience.TotalMilliseconds
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
    /// Waits until the kernel has let go of threads that did not stop in time. It does so when the tracer's thread ends,
    /// which is a moment after the runtime has said so; until then they could still stop.
    /// </summary>
    private void WaitUntilForgotten()
    {
        if (_stopping.Count > 0 && _tracerPath is string path)
        {
            SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{path}"));
        }
    }

    private bool Seize(int thread)
    {
        Errno errno = Libc.TryPTraceSeize(thread);
        if (errno == Errno.None)
        {
            _stopping.Add(thread);
            errno = Libc.TryPTraceInterrupt(thread);
        }

        // A thread that exits is refused with EPERM, and takes part in nothing any more.
        bool isGone = errno == Errno.ESRCH || _process.ThreadStat(thread) is not { IsZombie: false };
        return errno == Errno.None || isGone ? !isGone : throw _process.Failure(Operation.StopProcess, errno,
            TracerId() is int tracer and not 0
                ? $"it cannot be stopped, since {tracer} traces it, a debugger or strace"
                : $"its thread {thread} cannot be stopped");
    }

    /// <summary>Waits until a thread stands; false where it has ended instead.</summary>
    private bool HasStopped(int thread)
    {
        long begin = Environment.TickCount64;
        bool isTraced = false;
        for (SpinWait spin = default; ; spin.SpinOnce(sleep1Threshold: 100))
        {
            _cancellation.ThrowIfCancellationRequested();
            Libc.TryWaitForStop(thread, out bool hasStopped);
            // A stop is told once. One that stands without its stop being told was told to somebody else.
            if (hasStopped || isTraced)
            {
                return true;
            }

            if (_process.ThreadStat(thread) is not { IsZombie: false } stat)
            {
                return false;
            }

            isTraced = stat.State == 't';
            if (Environment.TickCount64 - begin > Patience.TotalMilliseconds)
            {
                throw new MemProcException(Operation.StopProcess, Errno.EBUSY,
                    $"Process {_process.Identity}: its thread {thread} did not stop within {Patience.TotalSeconds} s; "
                    + "it waits for something that cannot be interrupted, such as a device. The process runs on.",
                    _process.Id);
            }
        }
    }

    /// <summary>The signal that a thread was about to get when it stopped, or 0.</summary>
    private static int PendingSignal(int thread)
    {
        Span<byte> info = stackalloc byte[Libc.SignalInfoBytes];
        if (Libc.TryPTraceGetSigInfo(thread, info) != Errno.None)
        {
            return 0;
        }

        // si_signo and si_code; the stop that was asked for carries an event above its signal.
        int code = BinaryPrimitives.ReadInt32LittleEndian(info[8..]);
        return code >> 8 == PTraceEventStop ? 0 : BinaryPrimitives.ReadInt32LittleEndian(info);
    }

    private int TracerId()
    {
        using ProcfsLines lines = new(_process, "status", Operation.StopProcess);
        while (lines.MoveNext())
        {
            if (StatusLine.TryParse(lines.Current, out StatusLine line) && line.Name.SequenceEqual("TracerPid"u8))
            {
                return Utf8Parser.TryParse(line.Text, out int tracer, out _) ? tracer : 0;
            }
        }

        return 0;
    }

    private MemProcException Killed(int thread) =>
        _process.Failure(Operation.StopProcess, Errno.ESRCH, $"its thread {thread} was killed meanwhile");
}

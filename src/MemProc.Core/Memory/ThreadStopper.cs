using System.Buffers.Binary;
using System.Buffers.Text;
using System.Collections.Concurrent;
using MemProc.Interop;

namespace MemProc;

/// <summary>Stops the threads of a process, one by one until none runs. Used on the tracer thread only, but for Reap.</summary>
internal sealed class ThreadStopper(LinuxProcess process, TracerThread tracer, CancellationToken cancellation)
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

    /// <summary>For each stopped thread, the signal that was to be delivered when it stopped, or 0.</summary>
    private readonly SortedDictionary<int, int> _signals = [];

    /// <summary>Threads that were requested to stop and are not known to have stopped.</summary>
    private readonly HashSet<int> _stopping = [];

    /// <summary>All threads that were ever seized.</summary>
    private readonly ConcurrentDictionary<int, bool> _seized = [];

    /// <summary>The ids of the stopped threads, in ascending order.</summary>
    public IReadOnlyList<int> ThreadIds => [.. _signals.Keys];

    /// <summary>A thread was requested to stop and has not stopped yet.</summary>
    public bool IsStopping => _stopping.Count > 0;

    /// <summary>
    /// Releases threads that exited while they were traced. An execve(2) of another thread waits for that, and
    /// PTRACE_SEIZE waits for the execve: the tracer cannot do it.
    /// </summary>
    public void Reap()
    {
        foreach (int thread in _seized.Keys)
        {
            // A thread that is a zombie here cannot be another one: its id is in use until it is released.
            if (thread != process.Id && process.ThreadStat(thread) is { IsZombie: true })
            {
                Libc.TryReapThread(thread);
            }
        }
    }

    /// <summary>Stops threads until none runs: those that still ran may have started others.</summary>
    /// <exception cref="MemProcException">StopProcess: see <see cref="ProcessStop.Begin"/>.</exception>
    public bool StopAll()
    {
        try
        {
            long started = Environment.TickCount64;
            do
            {
                while (StopThreads())
                {
                    cancellation.ThrowIfCancellationRequested();
                }
            }
            while (!AreAllStopped(started));
        }
        catch
        {
            Abort();
            throw;
        }

        process.ThrowIfExited(Operation.StopProcess);
        return true;
    }

    /// <summary>Stops the threads that exist now; false where none was running.</summary>
    private bool StopThreads()
    {
        int[] running = [.. process.ThreadIds().Where(thread => !_signals.ContainsKey(thread) && Seize(thread))];
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
        int[] threads = process.ThreadIds();
        bool isComplete = threads.Length >= ThreadCount();
        foreach (int gone in _signals.Keys.Except(threads).ToArray())
        {
            _signals.Remove(gone);
        }

        foreach (int thread in threads)
        {
            ProcessStat? stat = process.ThreadStat(thread);
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

        return isComplete || process.HasExited || (Environment.TickCount64 - started > StopTimeout.TotalMilliseconds
            ? throw new MemProcException(Operation.StopProcess, Errno.EBUSY,
                $"Process {process.Identity} could not be stopped within {StopTimeout.TotalSeconds} s: it starts threads or "
                + "programs faster than they can be stopped. The process runs on.", process.Id)
            : false);
    }

    /// <summary>Lets the stopped threads run, each with the signal that it was to receive.</summary>
    public bool Detach()
    {
        foreach ((int thread, int signal) in _signals)
        {
            // One that was killed meanwhile need not be detached.
            Libc.TryPTraceDetach(thread, signal);
        }

        return true;
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

    /// <summary>Requests that a thread stop; false where it has exited.</summary>
    private bool Seize(int thread)
    {
        long started = Environment.TickCount64;
        for (SpinWait spin = default; ; spin.SpinOnce(sleep1Threshold: 100))
        {
            cancellation.ThrowIfCancellationRequested();
            Errno errno = Libc.TryPTraceSeize(thread);
            // EPERM is also the answer for a thread that is exiting, or that this stop traces already: one that has called
            // execve(2) under another id.
            if (errno is not (Errno.None or Errno.ESRCH) && process.ThreadStat(thread) is { IsZombie: false })
            {
                int other = TracerId(thread);
                if (other != tracer.Id)
                {
                    ThrowIfRefused(thread, other, errno, started);
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
            return Libc.TryPTraceInterrupt(thread) != Errno.ESRCH || process.ThreadStat(thread) is { IsZombie: false };
        }
    }

    private void ThrowIfRefused(int thread, int other, Errno errno, long started)
    {
        if (other != 0)
        {
            throw new MemProcException(Operation.StopProcess, errno, $"Process {process.Identity} cannot be stopped: "
                + $"{TracerName(other)} traces it, and a process can have one tracer only. Detach it, or continue without "
                + "stopping the process.", process.Id)
            {
                ProcessId = process.Id,
            };
        }

        AccessDiagnosis diagnosis = process.Diagnose(file: null);
        if (diagnosis.IsRefused || Environment.TickCount64 - started > RefusalTimeout.TotalMilliseconds)
        {
            throw process.Failure(Operation.StopProcess, errno, $"cannot stop its thread {thread}");
        }
    }

    /// <summary>Waits until a thread has stopped; false where it has exited instead.</summary>
    private bool HasStopped(int thread)
    {
        long started = Environment.TickCount64;
        bool isTraced = false;
        for (SpinWait spin = default; ; spin.SpinOnce(sleep1Threshold: 100))
        {
            cancellation.ThrowIfCancellationRequested();
            Libc.TryWaitForStop(thread, out bool hasStopped);
            // A stop is reported once. If the thread is stopped already, another thread has consumed the report.
            if (hasStopped || isTraced)
            {
                return true;
            }

            if (process.ThreadStat(thread) is not { IsZombie: false } stat)
            {
                return false;
            }

            isTraced = stat.State == 't';
            if (Environment.TickCount64 - started > StopTimeout.TotalMilliseconds)
            {
                throw new MemProcException(Operation.StopProcess, Errno.EBUSY,
                    $"Process {process.Identity}: its thread {thread} did not stop within {StopTimeout.TotalSeconds} s; "
                    + "it is in an uninterruptible wait, for example for a device or for a child of vfork(2). The process "
                    + "runs on.",
                    process.Id);
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
            using ProcfsLines lines = new(process, file, Operation.StopProcess);
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
            using LinuxProcess owner = LinuxProcess.Open(thread, files: process.Files);
            return $"process {owner.ThreadGroup()}";
        }
        catch (MemProcException)
        {
            return $"process {thread}";
        }
    }
}

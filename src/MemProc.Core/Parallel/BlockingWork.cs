using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace MemProc;

/// <summary>
/// Runs system calls that can wait without end, on a thread that the caller can abandon.
/// </summary>
/// <remarks>
/// An access to memory of another process waits while a page is supplied: by a handler of userfaultfd(2), or by a file
/// system in user space or on a network, whose files can make any call on them wait. In the kernel that wait ends by a
/// fatal signal only, so no signal handler and no other thread can interrupt the call. The caller therefore waits for a
/// thread, and abandons it when the wait is canceled. An abandoned thread ends when its call returns; the exit of this
/// program ends it in any case.
/// </remarks>
internal static class BlockingWork
{
    /// <summary>Threads that are kept for the next work.</summary>
    private const int MaxIdle = 4;

    /// <summary>How long work may take to notice a cancellation before it is abandoned.</summary>
    private static readonly TimeSpan CancellationTimeout = TimeSpan.FromMilliseconds(100);

    private static readonly Stack<Worker> Idle = [];

    /// <summary>The work that this thread runs; null on threads of callers.</summary>
    [ThreadStatic]
    private static Job? _current;

    /// <summary>
    /// Runs work. Where neither a cancellation nor a limit can end the wait, and within other such work, it runs on the
    /// thread of the caller.
    /// </summary>
    /// <param name="work">
    /// The work. It may go on after this has thrown, and must not use memory that the caller reuses then. Between system
    /// calls it calls <see cref="CheckPoint"/>.
    /// </param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <param name="limit">How long one system call may take; null: without end.</param>
    /// <param name="completes">
    /// A cancellation does not end work that goes on, only a system call that waits.
    /// </param>
    /// <exception cref="OperationCanceledException">The wait was canceled.</exception>
    /// <exception cref="TimeoutException">A system call took longer than the limit.</exception>
    public static T Run<T>(Func<T> work, CancellationToken cancellation, TimeSpan? limit = null, bool completes = false)
    {
        using PendingWork<T> pending = Begin(work, cancellation, limit, completes);
        return pending.Wait();
    }

    /// <summary>Starts work, which runs while the caller does something else.</summary>
    /// <inheritdoc cref="Run"/>
    /// <returns>The work. Its disposal abandons it where it is not done.</returns>
    public static PendingWork<T> Begin<T>(
        Func<T> work, CancellationToken cancellation, TimeSpan? limit = null, bool completes = false)
    {
        if (_current is not null || (limit is null && !cancellation.CanBeCanceled))
        {
            return new PendingWork<T>(work, () => { });
        }

        if (!completes)
        {
            cancellation.ThrowIfCancellationRequested();
        }

        T result = default!;
        Job job = new(() => result = work(), () => (result as IDisposable)?.Dispose());
        Rent().Start(job);
        return new PendingWork<T>(
            () =>
            {
                job.Wait(limit, completes, cancellation);
                return result;
            },
            () => job.TryAbandon());
    }

    /// <summary>Runs a call that may take no longer than a limit. A result that comes later is disposed.</summary>
    /// <param name="call">The call. It may go on after this has returned, and must own what it uses.</param>
    /// <param name="limit">How long to wait.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <param name="result">The result.</param>
    /// <returns>False: the call has taken too long, and still runs.</returns>
    /// <exception cref="OperationCanceledException">The wait was canceled; the call may still run.</exception>
    public static bool TryRun<T>(
        Func<T> call, TimeSpan limit, CancellationToken cancellation, [MaybeNullWhen(false)] out T result)
    {
        try
        {
            result = Run(call, cancellation, limit);
            return true;
        }
        catch (TimeoutException)
        {
            result = default;
            return false;
        }
    }

    /// <summary>Notes that the work goes on; ends it where it was abandoned.</summary>
    /// <exception cref="OperationCanceledException">It was abandoned.</exception>
    public static void CheckPoint() => _current?.CheckPoint();

    private static Worker Rent()
    {
        lock (Idle)
        {
            return Idle.TryPop(out Worker? worker) ? worker : new Worker();
        }
    }

    private static bool TryKeep(Worker worker)
    {
        lock (Idle)
        {
            if (Idle.Count >= MaxIdle)
            {
                return false;
            }

            Idle.Push(worker);
            return true;
        }
    }

    /// <summary>One piece of work.</summary>
    [SuppressMessage("Design", "CA1001", Justification = "Abandoned work still uses it, and it has no handle of the kernel.")]
    private sealed class Job(Action work, Action discard)
    {
        private readonly ManualResetEventSlim _done = new();
        private readonly ExecutionContext? _context = ExecutionContext.Capture();
        private ExceptionDispatchInfo? _error;
        private long _lastCheckPoint = Environment.TickCount64;
        private volatile bool _isAbandoned;

        public void CheckPoint()
        {
            if (_isAbandoned)
            {
                throw new OperationCanceledException();
            }

            Volatile.Write(ref _lastCheckPoint, Environment.TickCount64);
        }

        /// <summary>Does the work, on the worker's thread.</summary>
        public void Run()
        {
            try
            {
                if (_context is null)
                {
                    work();
                }
                else
                {
                    ExecutionContext.Run(_context, static job => ((Job)job!).Work(), this);
                }
            }
            catch (Exception error)
            {
                _error = ExceptionDispatchInfo.Capture(error);
            }
        }

        public void Finish()
        {
            lock (_done)
            {
                if (!_isAbandoned)
                {
                    _done.Set();
                    return;
                }
            }

            discard();
        }

        /// <summary>Waits for the work, on the caller's thread, and throws what it has thrown.</summary>
        public void Wait(TimeSpan? limit, bool completes, CancellationToken cancellation)
        {
            try
            {
                TimeSpan rest = limit ?? Timeout.InfiniteTimeSpan;
                while (!_done.Wait(rest, cancellation))
                {
                    rest = limit!.Value - TimeSpan.FromMilliseconds(
                        Environment.TickCount64 - Volatile.Read(ref _lastCheckPoint));
                    if (rest <= TimeSpan.Zero)
                    {
                        if (TryAbandon())
                        {
                            throw new TimeoutException();
                        }

                        rest = Timeout.InfiniteTimeSpan;
                    }
                }
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                while (!_done.Wait(CancellationTimeout, CancellationToken.None))
                {
                    bool isStuck = Environment.TickCount64 - Volatile.Read(ref _lastCheckPoint)
                        > CancellationTimeout.TotalMilliseconds;
                    if ((!completes || isStuck) && TryAbandon())
                    {
                        throw;
                    }
                }
            }

            _error?.Throw();
        }

        private void Work() => work();

        /// <summary>Leaves the work to its thread; false where it is done.</summary>
        public bool TryAbandon()
        {
            lock (_done)
            {
                _isAbandoned = !_done.IsSet;
                return _isAbandoned;
            }
        }
    }

    /// <summary>A thread that does one piece of work after the other.</summary>
    [SuppressMessage("Design", "CA1001", Justification = "The thread uses it until this program exits.")]
    private sealed class Worker
    {
        private readonly SemaphoreSlim _started = new(0);
        private Job? _next;

        public Worker() => new Thread(Work) { IsBackground = true, Name = "MemProc system calls" }.Start();

        public void Start(Job job)
        {
            _next = job;
            _started.Release();
        }

        private void Work()
        {
            bool isKept = true;
            while (isKept)
            {
                _started.Wait();
                Job job = _next!;
                _next = null;
                _current = job;
                job.Run();
                _current = null;
                // Kept before the caller goes on, which can have the next work at once.
                isKept = TryKeep(this);
                job.Finish();
            }
        }
    }
}

/// <summary>Work of <see cref="BlockingWork"/> that may still run.</summary>
/// <param name="wait">Waits for the work, or does it.</param>
/// <param name="abandon">Leaves the work to its thread where it is not done.</param>
internal sealed class PendingWork<T>(Func<T> wait, Action abandon) : IDisposable
{
    /// <summary>Waits for the result. To be called once.</summary>
    /// <inheritdoc cref="BlockingWork.Run" path="/exception"/>
    public T Wait() => wait();

    /// <inheritdoc/>
    public void Dispose() => abandon();
}

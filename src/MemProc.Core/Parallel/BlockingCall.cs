using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace MemProc;

/// <summary>
/// Runs calls that may never return on threads of their own, so that the caller can leave them: a read from a file system
/// whose server does not answer can only be ended by the exit of the process.
/// </summary>
internal static class BlockingCall
{
    private const int MaxIdle = 4;
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(2);
    private static readonly List<Worker> Idle = [];

    /// <summary>Runs a call and waits for its result.</summary>
    /// <param name="call">
    /// The call. It may go on after this returns, so it must own what it uses. A result that comes too late is disposed.
    /// </param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellation">Stops the wait.</param>
    /// <param name="result">The result.</param>
    /// <returns>False: the call has taken too long, and still runs.</returns>
    /// <exception cref="OperationCanceledException">The wait was canceled; the call may still run.</exception>
    public static bool TryRun<T>(
        Func<T> call, TimeSpan timeout, CancellationToken cancellation, [MaybeNullWhen(false)] out T result)
    {
        cancellation.ThrowIfCancellationRequested();
        Run<T> run = new(call);
        Worker? worker = null;
        lock (Idle)
        {
            if (Idle.Count > 0)
            {
                worker = Idle[^1];
                Idle.RemoveAt(Idle.Count - 1);
            }
        }

        (worker ?? new Worker()).Start(run.Work);
        return run.TryWait(timeout, cancellation, out result);
    }

    private sealed class Run<T>(Func<T> call)
    {
        private readonly object _state = new();
        private T? _result;
        private ExceptionDispatchInfo? _error;
        private bool _isDone;
        private bool _isAbandoned;

        public void Work()
        {
            T? result = default;
            ExceptionDispatchInfo? error = null;
            try
            {
                result = call();
            }
            catch (Exception exception)
            {
                error = ExceptionDispatchInfo.Capture(exception);
            }

            lock (_state)
            {
                (_result, _error, _isDone) = (result, error, true);
                Monitor.PulseAll(_state);
                if (_isAbandoned)
                {
                    (result as IDisposable)?.Dispose();
                }
            }
        }

        public bool TryWait(TimeSpan timeout, CancellationToken cancellation, [MaybeNullWhen(false)] out T result)
        {
            using CancellationTokenRegistration wake = cancellation.Register(Wake);
            Stopwatch watch = Stopwatch.StartNew();
            lock (_state)
            {
                while (!_isDone && !cancellation.IsCancellationRequested && timeout - watch.Elapsed is TimeSpan left
                    && left > TimeSpan.Zero)
                {
                    Monitor.Wait(_state, left);
                }

                _isAbandoned = !_isDone;
            }

            result = default;
            if (_isAbandoned)
            {
                cancellation.ThrowIfCancellationRequested();
                return false;
            }

            _error?.Throw();
            result = _result!;
            return true;
        }

        private void Wake()
        {
            lock (_state)
            {
                Monitor.PulseAll(_state);
            }
        }
    }

    /// <summary>A thread for one call after the other. It exits when it has been idle for a while.</summary>
    private sealed class Worker
    {
        private readonly object _state = new();
        private Action? _work;

        public Worker() => new Thread(Loop) { IsBackground = true, Name = "MemProc blocking call" }.Start();

        public void Start(Action work)
        {
            lock (_state)
            {
                _work = work;
                Monitor.Pulse(_state);
            }
        }

        private void Loop()
        {
            while (Next() is Action work)
            {
                work();
                lock (Idle)
                {
                    if (Idle.Count == MaxIdle)
                    {
                        return;
                    }

                    Idle.Add(this);
                }
            }
        }

        /// <summary>Waits for the next call; null where none has come for a while.</summary>
        private Action? Next()
        {
            while (true)
            {
                lock (_state)
                {
                    if (_work is null)
                    {
                        Monitor.Wait(_state, IdleTime);
                    }

                    if (_work is Action work)
                    {
                        _work = null;
                        return work;
                    }
                }

                lock (Idle)
                {
                    // Where it is not in the list, a caller has taken it just now, and starts it.
                    if (Idle.Remove(this))
                    {
                        return null;
                    }
                }
            }
        }
    }
}

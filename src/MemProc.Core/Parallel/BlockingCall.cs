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
    private static readonly Stack<Worker> Idle = [];

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
        Worker? worker;
        lock (Idle)
        {
            Idle.TryPop(out worker);
        }

        (worker ?? new Worker()).Start(run.Work);
        return run.TryWait(timeout, cancellation, out result);
    }

    private sealed class Run<T>(Func<T> call)
    {
        private readonly ManualResetEventSlim _done = new();
        private T? _result;
        private ExceptionDispatchInfo? _error;
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

            lock (_done)
            {
                (_result, _error) = (result, error);
                if (!_isAbandoned)
                {
                    _done.Set();
                    return;
                }
            }

            (result as IDisposable)?.Dispose();
        }

        public bool TryWait(TimeSpan timeout, CancellationToken cancellation, [MaybeNullWhen(false)] out T result)
        {
            bool isDone = false;
            try
            {
                isDone = _done.Wait(timeout, cancellation);
            }
            finally
            {
                lock (_done)
                {
                    _isAbandoned = !isDone && !_done.IsSet;
                }

                if (!isDone && !_isAbandoned)
                {
                    // It was done just after the wait had ended.
                    (_result as IDisposable)?.Dispose();
                }
            }

            result = default;
            if (isDone)
            {
                _error?.Throw();
                result = _result!;
            }

            return isDone;
        }
    }

    /// <summary>A thread for one call after the other. It exits when it has been idle for a while.</summary>
    private sealed class Worker
    {
        private readonly SemaphoreSlim _ready = new(0);
        private Action? _work;

        public Worker() => new Thread(Loop) { IsBackground = true, Name = "MemProc blocking call" }.Start();

        public void Start(Action work)
        {
            _work = work;
            _ready.Release();
        }

        private void Loop()
        {
            while (_ready.Wait(IdleTime) || !TryLeave())
            {
                if (_work is not Action work)
                {
                    // A caller has taken it just now, and will start it.
                    continue;
                }

                _work = null;
                work();
                lock (Idle)
                {
                    if (Idle.Count == MaxIdle)
                    {
                        return;
                    }

                    Idle.Push(this);
                }
            }
        }

        /// <summary>Removes this from the idle ones; false where it is not one of them.</summary>
        private bool TryLeave()
        {
            lock (Idle)
            {
                Worker[] others = [.. Idle.Where(worker => worker != this)];
                bool isIdle = others.Length < Idle.Count;
                if (isIdle)
                {
                    Idle.Clear();
                    Array.ForEach(others, Idle.Push);
                }

                return isIdle;
            }
        }
    }
}

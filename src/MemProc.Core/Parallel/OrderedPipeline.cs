using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace MemProc;

/// <summary>Works on items on several processors and returns the results in the order of the items.</summary>
/// <remarks>
/// Items live in a fixed number of buffers, so memory is bounded: workers that are far ahead wait. A worker whose item
/// had no result fills the same buffer again, since it is still in its processor's cache. An instance runs once.
/// The caller's thread sleeps while items have no result. With a BlockingCollection each item wakes it up, and a search
/// on two processors took 1.3 to 1.45 times as long. Channels took the same time, but are not simpler, since they do not
/// keep the order; TPL Dataflow took 5 to 15 percent more processor time.
/// </remarks>
/// <typeparam name="T">A buffer for one item and its result.</typeparam>
/// <param name="create">Creates a buffer. Called at most twice for each worker, and once more for the caller.</param>
/// <param name="fill">
/// Fills a buffer with the next item. Returns false at the end. Called by one worker at a time.
/// </param>
/// <param name="work">
/// Works on an item. Returns whether it has a result. The token is canceled when the caller leaves early, too.
/// </param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class OrderedPipeline<T>(
    Func<T> create, Func<T, bool> fill, Func<T, CancellationToken, bool> work, CancellationToken cancellation)
    where T : class
{
    /// <summary>Maximum number of items that workers are ahead of the caller, with results or without.</summary>
    private const int MaxAhead = 4096;

    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>How long the end waits for workers: a regular expression that is being matched cannot be interrupted.</summary>
    private static readonly TimeSpan ExitTimeout = TimeSpan.FromMilliseconds(100);

    /// <summary>Stands for an item without a result.</summary>
    private static readonly object Nothing = new();

    private readonly Lock _filling = new();
    private readonly object _state = new();

    /// <summary>
    /// What became of each item that the caller has not reached: null while it is worked on, then
    /// <see cref="Nothing"/>, the buffer, or what failed.
    /// </summary>
    private readonly object?[] _outcomes = new object?[MaxAhead];
    private readonly Stack<T> _idle = [];
    private int _created;
    private int _running;

    /// <summary>Number of results that the caller has not taken, because it did not ask or earlier items are not done.</summary>
    private int _ready;
    private long _filled;
    private long _taken;
    private long _end = long.MaxValue;
    private bool _isOver;

    /// <summary>Number of workers, at least 1.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;

    /// <summary>Called every 100 ms on the caller's thread while it waits for a result.</summary>
    public Action Waiting { get; init; } = () => { };

    /// <summary>
    /// Returns the buffers that hold a result, in order. Each is used again once the next one is asked for. What failed
    /// for an item is thrown in its place. Once the caller stops, at the end or early, the workers have exited; one that
    /// needs more than 100 ms for its present item exits after it.
    /// </summary>
    /// <exception cref="OperationCanceledException">The work was canceled.</exception>
    public IEnumerable<T> Run()
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using CancellationTokenRegistration wake = cancellation.Register(Pulse);
        CancellationToken stopped = stop.Token;
        _running = Workers;
        for (int worker = 0; worker < Workers; worker++)
        {
            // Not of the thread pool: a regular expression can take seconds and would keep other work waiting.
            new Thread(() => Work(stopped)) { IsBackground = true, Name = "MemProc pipeline" }.Start();
        }

        try
        {
            while (Take() is T buffer)
            {
                yield return buffer;
                lock (_state)
                {
                    _idle.Push(buffer);
                    Monitor.PulseAll(_state);
                }
            }
        }
        finally
        {
            stop.Cancel();
            End();
        }
    }

    /// <summary>Waits for the next buffer that holds a result; null when there are no more.</summary>
    private T? Take()
    {
        while (true)
        {
            lock (_state)
            {
                cancellation.ThrowIfCancellationRequested();
                long first = _taken;
                for (; _taken < _end; _taken++)
                {
                    ref object? outcome = ref _outcomes[_taken % MaxAhead];
                    if (outcome is null)
                    {
                        break;
                    }

                    if (outcome != Nothing)
                    {
                        object result = outcome;
                        outcome = null;
                        _taken++;
                        _ready--;
                        (result as ExceptionDispatchInfo)?.Throw();
                        return (T)result;
                    }

                    outcome = null;
                }

                if (_taken >= _end)
                {
                    return null;
                }

                if (_taken > first)
                {
                    // Workers that were too far ahead can go on.
                    Monitor.PulseAll(_state);
                }

                Monitor.Wait(_state, TickInterval);
            }

            Waiting();
        }
    }

    private void Work(CancellationToken stopped)
    {
        try
        {
            T? buffer = null;
            while ((buffer = Rent(buffer)) is not null && Fill(buffer, out long number))
            {
                object outcome = WorkOn(buffer, stopped);
                SetOutcome(number, outcome);
                buffer = outcome == Nothing ? buffer : null;
            }
        }
        catch (Exception error)
        {
            SetLast(error);
        }

        lock (_state)
        {
            _running--;
            Monitor.PulseAll(_state);
        }
    }

    private object WorkOn(T buffer, CancellationToken stopped)
    {
        try
        {
            return work(buffer, stopped) ? buffer : Nothing;
        }
        catch (Exception error)
        {
            return ExceptionDispatchInfo.Capture(error);
        }
    }

    /// <summary>Returns the worker's own buffer or one that is idle; null when there is nothing more to do.</summary>
    private T? Rent(T? own)
    {
        lock (_state)
        {
            for (; !_isOver && _end == long.MaxValue; Monitor.Wait(_state))
            {
                if (_filled - _taken >= MaxAhead - Workers)
                {
                    continue;
                }

                if (own is not null || _idle.TryPop(out own))
                {
                    return own;
                }

                if (_created <= 2 * Workers)
                {
                    _created++;
                    return create();
                }
            }

            return null;
        }
    }

    /// <summary>Fills a buffer with the next item, whose number is returned; false when there are no more.</summary>
    private bool Fill(T buffer, out long number)
    {
        lock (_filling)
        {
            number = _filled;
            if (_isOver || number >= _end)
            {
                return false;
            }

            try
            {
                if (!fill(buffer))
                {
                    SetEnd(number);
                    return false;
                }
            }
            catch (Exception error)
            {
                SetLast(error);
                return false;
            }

            _filled++;
            return true;
        }
    }

    /// <summary>Ends the items with one that has failed.</summary>
    private void SetLast(Exception error)
    {
        lock (_filling)
        {
            if (_filled < _end)
            {
                SetEnd(_filled + 1);
                SetOutcome(_filled++, ExceptionDispatchInfo.Capture(error));
            }
        }
    }

    private void SetOutcome(long number, object outcome)
    {
        lock (_state)
        {
            _outcomes[number % MaxAhead] = outcome;
            _ready += outcome == Nothing ? 0 : 1;
            // The caller sleeps on while there are no results; it wakes up for its ticks anyway.
            if (_ready > 0 || _end != long.MaxValue || number - _taken > MaxAhead / 2)
            {
                Monitor.PulseAll(_state);
            }
        }
    }

    private void SetEnd(long end)
    {
        lock (_state)
        {
            _end = end;
            Monitor.PulseAll(_state);
        }
    }

    private void Pulse()
    {
        lock (_state)
        {
            Monitor.PulseAll(_state);
        }
    }

    /// <summary>Stops the workers and waits for them, within the timeout.</summary>
    private void End()
    {
        long start = Stopwatch.GetTimestamp();
        lock (_state)
        {
            _isOver = true;
            Monitor.PulseAll(_state);
            while (_running > 0 && ExitTimeout - Stopwatch.GetElapsedTime(start) is var left && left > TimeSpan.Zero)
            {
                Monitor.Wait(_state, left);
            }
        }
    }
}

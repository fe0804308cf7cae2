using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace MemProc;

/// <summary>Works on items on several processors, in no particular order.</summary>
/// <typeparam name="TItem">What is worked on, such as a process id or a range of frames.</typeparam>
/// <typeparam name="TState">What one worker keeps from item to item: buffers, readers, counters.</typeparam>
/// <param name="items">The items. A worker takes one when it is free; only one worker at a time enumerates.</param>
/// <param name="newState">
/// Creates the state of one worker, on its thread. The token is canceled when the work stops for whatever reason.
/// </param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class ParallelForEach<TItem, TState>(
    IEnumerable<TItem> items, Func<CancellationToken, TState> newState, CancellationToken cancellation = default)
{
    /// <summary>
    /// How long a worker gathers the completions of small items: to wake the caller for each can cost more than the item.
    /// </summary>
    private static readonly TimeSpan ReportInterval = TimeSpan.FromMilliseconds(5);

    /// <summary>Maximum number of workers.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;

    /// <summary>Maximum number of results that wait for the caller of <see cref="Stream"/>; then workers pause.</summary>
    public int MaxWaiting { get; init; } = 64;

    /// <summary>
    /// Called by <see cref="Stream"/> on the caller's thread for each item, soon after the caller has taken all results of
    /// the item.
    /// </summary>
    public Action<ItemCompletion<TItem>>? Completed { get; init; }

    /// <summary>
    /// Returns whether an exception concerns one item alone. <see cref="Completed"/> receives it, and the work goes on.
    /// Any other exception stops the work.
    /// </summary>
    public Func<Exception, bool> IsItemError { get; init; } = _ => false;

    /// <summary>
    /// Returns results as they are found. Workers run on threads of their own, so they may block. Once the caller
    /// stops, at the end or early, the workers have exited.
    /// </summary>
    /// <param name="work">Works on one item, on a worker's thread, and passes on its results.</param>
    /// <exception cref="OperationCanceledException">The work was canceled.</exception>
    public IEnumerable<TResult> Stream<TResult>(Action<TItem, TState, Action<TResult>> work)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using IEnumerator<TItem> source = items.GetEnumerator();
        using BlockingCollection<Message<TResult>> messages = new(MaxWaiting);
        Crew<TResult> crew = new(this, source, work, messages, stop);
        try
        {
            int count = 0;
            foreach (Message<TResult> message in messages.GetConsumingEnumerable(cancellation))
            {
                if (message.Completions is null)
                {
                    yield return message.Result!;
                    continue;
                }

                foreach ((TItem item, Exception? error) in message.Completions)
                {
                    Completed?.Invoke(new ItemCompletion<TItem>(item, ++count, error));
                }
            }

            crew.ThrowIfFailed();
            cancellation.ThrowIfCancellationRequested();
        }
        finally
        {
            stop.Cancel();
            crew.Join();
        }
    }

    /// <summary>Works on all items and merges what the workers have collected in their states.</summary>
    /// <param name="work">Works on one item, on any thread.</param>
    /// <param name="merge">Receives the states one after another, on the caller's thread, once all items are done.</param>
    /// <exception cref="OperationCanceledException">The work was canceled.</exception>
    public void Run(Action<TItem, TState> work, Action<TState> merge)
    {
        if (Workers == 1)
        {
            RunAlone(work, merge);
            return;
        }

        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        ConcurrentQueue<TState> states = [];
        try
        {
            Parallel.ForEach(
                Partitioner.Create(items, EnumerablePartitionerOptions.NoBuffering),
                new ParallelOptions { MaxDegreeOfParallelism = Workers, CancellationToken = cancellation },
                () => newState(stop.Token),
                (item, _, state) =>
                {
                    try
                    {
                        work(item, state);
                        return state;
                    }
                    catch
                    {
                        stop.Cancel();
                        throw;
                    }
                },
                states.Enqueue);
        }
        catch (AggregateException errors)
        {
            cancellation.ThrowIfCancellationRequested();
            // Where one worker fails, others can end because they were stopped.
            ExceptionDispatchInfo.Throw(
                errors.Flatten().InnerExceptions.MinBy(error => error is OperationCanceledException)!);
        }

        foreach (TState state in states)
        {
            merge(state);
        }
    }

    /// <summary>Works on the caller's thread: small work costs less than to start workers.</summary>
    private void RunAlone(Action<TItem, TState> work, Action<TState> merge)
    {
        TState state = newState(cancellation);
        foreach (TItem item in items)
        {
            cancellation.ThrowIfCancellationRequested();
            work(item, state);
        }

        merge(state);
    }

    private TState NewState(CancellationToken stop) => newState(stop);

    /// <summary>A result, or items that are done, and what failed.</summary>
    private readonly record struct Message<TResult>(TResult? Result, List<(TItem Item, Exception? Error)>? Completions = null);

    /// <summary>The workers of one stream.</summary>
    private sealed class Crew<TResult>
    {
        private readonly ParallelForEach<TItem, TState> _owner;
        private readonly IEnumerator<TItem> _source;
        private readonly Action<TItem, TState, Action<TResult>> _work;
        private readonly BlockingCollection<Message<TResult>> _messages;
        private readonly CancellationTokenSource _stop;
        private readonly CancellationToken _stopped;
        private readonly Lock _taking = new();
        private readonly Thread[] _threads;
        private int _running;
        private ExceptionDispatchInfo? _error;

        public Crew(
            ParallelForEach<TItem, TState> owner, IEnumerator<TItem> source,
            Action<TItem, TState, Action<TResult>> work, BlockingCollection<Message<TResult>> messages,
            CancellationTokenSource stop)
        {
            (_owner, _source, _work, _messages, _stop, _stopped) = (owner, source, work, messages, stop, stop.Token);
            _running = Math.Max(owner.Workers, 1);
            _threads = new Thread[_running];
            for (int worker = 0; worker < _threads.Length; worker++)
            {
                _threads[worker] = new Thread(Work) { IsBackground = true, Name = "MemProc worker" };
            }

            Array.ForEach(_threads, thread => thread.Start());
        }

        public void ThrowIfFailed() => _error?.Throw();

        public void Join() => Array.ForEach(_threads, thread => thread.Join());

        private void Work()
        {
            try
            {
                TState? state = default;
                List<(TItem, Exception?)> done = [];
                long reported = Stopwatch.GetTimestamp();
                for (bool isNew = true; TryTake(out TItem item); isNew = false)
                {
                    state = isNew ? _owner.NewState(_stopped) : state;
                    done.Add((item, WorkOn(item, state!)));
                    if (Stopwatch.GetElapsedTime(reported) >= ReportInterval)
                    {
                        Write(new Message<TResult>(default, done));
                        (done, reported) = ([], Stopwatch.GetTimestamp());
                    }
                }

                if (done.Count > 0)
                {
                    Write(new Message<TResult>(default, done));
                }
            }
            catch (Exception error)
            {
                if (!_stop.IsCancellationRequested)
                {
                    Interlocked.CompareExchange(ref _error, ExceptionDispatchInfo.Capture(error), null);
                }

                _stop.Cancel();
            }

            if (Interlocked.Decrement(ref _running) == 0)
            {
                _messages.CompleteAdding();
            }
        }

        private bool TryTake(out TItem item)
        {
            lock (_taking)
            {
                _stopped.ThrowIfCancellationRequested();
                bool isThere = _source.MoveNext();
                item = isThere ? _source.Current : default!;
                return isThere;
            }
        }

        private Exception? WorkOn(TItem item, TState state)
        {
            try
            {
                _work(item, state, result => Write(new Message<TResult>(result)));
                return null;
            }
            catch (Exception error) when (_owner.IsItemError(error))
            {
                return error;
            }
        }

        private void Write(in Message<TResult> message) => _messages.Add(message, _stopped);
    }
}

/// <summary>Reports that the work on an item is done.</summary>
/// <param name="Item">The item.</param>
/// <param name="Count">Number of items that are done, this one included.</param>
/// <param name="Error">What failed; null when nothing did.</param>
internal readonly record struct ItemCompletion<TItem>(TItem Item, int Count, Exception? Error);

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace MemProc;

/// <summary>Works on items on several processors and returns the results in the order of the items.</summary>
/// <remarks>
/// Items live in a fixed number of buffers, so memory is bounded: workers that are far ahead wait. A worker whose item
/// had no result fills the same buffer again, since it is still in its processor's cache.
/// Workers are threads that block, so blocking collections join them: in a search, channels took as much processor time,
/// and TPL Dataflow a tenth more.
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
        // Not disposed: a worker may still use them after the caller has left.
        BlockingCollection<Task<Outcome>> items = new(MaxAhead);
        BlockingCollection<T> idle = new(new ConcurrentStack<T>());
        Crew crew = new(this, items, idle, stop.Token);
        Thread[] workers = new Thread[Workers];
        for (int worker = 0; worker < workers.Length; worker++)
        {
            // Not of the thread pool: a regular expression can take seconds and would keep other work waiting.
            workers[worker] = new Thread(crew.Work) { IsBackground = true, Name = "MemProc pipeline" };
            workers[worker].Start();
        }

        try
        {
            while (TryTake(items, out Task<Outcome>? item))
            {
                while (!item.IsCompleted && !item.Wait(TickInterval, cancellation))
                {
                    Waiting();
                }

                item.Result.Error?.Throw();
                if (item.Result.Buffer is T buffer)
                {
                    yield return buffer;
                    idle.Add(buffer, CancellationToken.None);
                }
            }
        }
        finally
        {
            stop.Cancel();
            long start = Stopwatch.GetTimestamp();
            foreach (Thread worker in workers)
            {
                TimeSpan left = ExitTimeout - Stopwatch.GetElapsedTime(start);
                worker.Join(left > TimeSpan.Zero ? left : TimeSpan.Zero);
            }
        }
    }

    /// <summary>Waits for the next item, which may still be worked on. Returns false at the end.</summary>
    private bool TryTake(BlockingCollection<Task<Outcome>> items, [NotNullWhen(true)] out Task<Outcome>? item)
    {
        while (!items.TryTake(out item, (int)TickInterval.TotalMilliseconds, cancellation))
        {
            if (items.IsCompleted)
            {
                return false;
            }

            Waiting();
        }

        return true;
    }

    private T Create() => create();

    private bool Fill(T buffer) => fill(buffer);

    private bool WorkOn(T buffer, CancellationToken stopped) => work(buffer, stopped);

    /// <summary>The workers of one run.</summary>
    private sealed class Crew(
        OrderedPipeline<T> owner, BlockingCollection<Task<Outcome>> items, BlockingCollection<T> idle,
        CancellationToken stopped)
    {
        private readonly Lock _filling = new();
        private int _created;

        public void Work()
        {
            try
            {
                T? buffer = null;
                TaskCompletionSource<Outcome> item;
                while (TryFill(buffer ??= Rent(), (item = new()).Task))
                {
                    Outcome outcome = WorkOn(buffer);
                    item.SetResult(outcome);
                    buffer = outcome.Buffer is null ? buffer : null;
                }
            }
            catch (Exception error)
            {
                lock (_filling)
                {
                    AddLast(error);
                }
            }
        }

        private T Rent() =>
            idle.TryTake(out T? buffer) ? buffer
            : Interlocked.Increment(ref _created) <= 2 * owner.Workers + 1 ? owner.Create()
            : idle.Take(stopped);

        private bool TryFill(T buffer, Task<Outcome> item)
        {
            lock (_filling)
            {
                try
                {
                    if (items.IsAddingCompleted)
                    {
                        return false;
                    }

                    stopped.ThrowIfCancellationRequested();
                    if (owner.Fill(buffer))
                    {
                        items.Add(item, stopped);
                        return true;
                    }

                    items.CompleteAdding();
                }
                catch (Exception error)
                {
                    AddLast(error);
                }

                return false;
            }
        }

        private Outcome WorkOn(T buffer)
        {
            try
            {
                return new Outcome(owner.WorkOn(buffer, stopped) ? buffer : null, null);
            }
            catch (Exception error)
            {
                return new Outcome(null, ExceptionDispatchInfo.Capture(error));
            }
        }

        /// <summary>Ends the items with one that has failed, unless the caller has left.</summary>
        private void AddLast(Exception error)
        {
            try
            {
                if (!items.IsAddingCompleted)
                {
                    items.Add(Task.FromResult(new Outcome(null, ExceptionDispatchInfo.Capture(error))), stopped);
                }
            }
            catch (OperationCanceledException)
            {
            }

            items.CompleteAdding();
        }
    }

    /// <summary>What became of an item: a result, nothing, or an error.</summary>
    private readonly record struct Outcome(T? Buffer, ExceptionDispatchInfo? Error);
}

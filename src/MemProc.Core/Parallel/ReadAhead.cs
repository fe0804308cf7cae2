using System.Collections.Concurrent;

namespace MemProc;

/// <summary>Fetches the next items on another thread while the caller works on one.</summary>
internal static class ReadAhead
{
    /// <summary>Maximum number of items that wait for the caller.</summary>
    private const int MaxWaiting = 4;

    /// <summary>Items that the caller's thread fetches. There can be a list for each of many small mappings.</summary>
    private const int DirectItems = 2;

    /// <summary>
    /// Returns the same items in the same order. The caller's thread fetches the first two, so that few items cost no other
    /// thread. What the source throws is thrown in its place. Once the caller stops, at the end or early, the
    /// other thread is done.
    /// </summary>
    /// <param name="source">The items. Each must stay valid while the next ones are fetched.</param>
    public static IEnumerable<T> Of<T>(IEnumerable<T> source)
    {
        using IEnumerator<T> items = source.GetEnumerator();
        for (int direct = 0; direct < DirectItems; direct++)
        {
            if (!items.MoveNext())
            {
                yield break;
            }

            yield return items.Current;
        }

        using CancellationTokenSource stop = new();
        using BlockingCollection<T> waiting = new(MaxWaiting);
        // On a thread of its own: where many callers wait, the pool has no thread left for what they wait for.
        Task fetching = Task.Factory.StartNew(() => Fetch(items, waiting, stop.Token), CancellationToken.None,
            TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            foreach (T item in waiting.GetConsumingEnumerable(CancellationToken.None))
            {
                yield return item;
            }

            fetching.GetAwaiter().GetResult();
        }
        finally
        {
            stop.Cancel();
            Task.WhenAny(fetching).GetAwaiter().GetResult();
        }
    }

    private static void Fetch<T>(IEnumerator<T> items, BlockingCollection<T> waiting, CancellationToken stop)
    {
        try
        {
            while (items.MoveNext())
            {
                waiting.Add(items.Current, stop);
            }
        }
        finally
        {
            waiting.CompleteAdding();
        }
    }
}

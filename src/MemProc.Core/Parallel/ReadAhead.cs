using System.Collections.Concurrent;

namespace MemProc;

/// <summary>Fetches the next items on another thread while the caller works on one.</summary>
internal static class ReadAhead
{
    /// <summary>Items that wait to be taken; fetching goes on no further.</summary>
    private const int MostWaiting = 4;

    /// <summary>
    /// The same items in the same order. The first one is fetched by the caller itself, so that short sequences cost
    /// no thread. What the source throws is thrown in its place. Whoever has seen enough stops the fetching by
    /// leaving, and waits for its end.
    /// </summary>
    /// <param name="source">The items; each must stay valid while the next ones are fetched.</param>
    public static IEnumerable<T> Of<T>(IEnumerable<T> source)
    {
        using IEnumerator<T> items = source.GetEnumerator();
        if (!items.MoveNext())
        {
            yield break;
        }

        yield return items.Current;
        using CancellationTokenSource stop = new();
        using BlockingCollection<T> waiting = new(MostWaiting);
        Task fetching = Task.Run(() => Fetch(items, waiting, stop.Token), CancellationToken.None);
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

using System.Diagnostics;

namespace MemProc.PowerShell;

/// <summary>
/// Gathers what the pipeline brings quickly, so that it is read together; what comes slowly is answered at once. A cmdlet
/// can write only while PowerShell calls it, so the last objects before a pause are answered with the next one or at the
/// end of the pipeline.
/// </summary>
/// <param name="maxItems">Maximum number of items that are gathered.</param>
/// <param name="work">The work on the items, in the order in which they came.</param>
internal sealed class PipelineBatch<T>(int maxItems, Action<T[]> work)
{
    /// <summary>An item is answered at once if this much time has passed since the cmdlet was called before.</summary>
    private static readonly TimeSpan MaxPause = TimeSpan.FromMilliseconds(5);

    /// <summary>How long an item waits for others.</summary>
    private static readonly TimeSpan MaxWait = TimeSpan.FromMilliseconds(50);

    private readonly List<T> _items = [];
    private long? _lastCall;
    private long _oldest;

    /// <summary>Adds an item, and does the work where enough has been gathered or the item has come slowly.</summary>
    public void Add(T item)
    {
        long now = Stopwatch.GetTimestamp();
        _oldest = _items.Count == 0 ? now : _oldest;
        _items.Add(item);
        if (_items.Count >= maxItems || _lastCall is not long last || Stopwatch.GetElapsedTime(last, now) >= MaxPause
            || Stopwatch.GetElapsedTime(_oldest, now) >= MaxWait)
        {
            Flush();
            now = Stopwatch.GetTimestamp();
        }

        _lastCall = now;
    }

    /// <summary>Does the work on what has been gathered.</summary>
    public void Flush()
    {
        if (_items.Count > 0)
        {
            T[] items = [.. _items];
            _items.Clear();
            work(items);
        }
    }
}

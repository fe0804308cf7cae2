using System.Diagnostics;
using MemProc.Interop;

namespace MemProc;

/// <summary>Looks at places in the memory of processes at regular times and tells what has changed.</summary>
/// <param name="places">The places; several of one process share it.</param>
/// <param name="interval">From one look to the next.</param>
/// <param name="cancellation">Ends the watch at once, whatever the interval.</param>
public sealed class MemoryWatch(
    IEnumerable<WatchedMemory> places, TimeSpan interval, CancellationToken cancellation = default)
{
    /// <summary>The shortest interval: a watch must not keep a processor busy.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);

    /// <summary>The longest interval.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>How soon the end of a process is noticed where the interval is longer.</summary>
    private static readonly TimeSpan Breath = TimeSpan.FromSeconds(1);

    private readonly List<WatchedMemory> _places = [.. places];

    /// <summary>Returns an interval that a watch can have.</summary>
    /// <exception cref="ArgumentException">It is too short or too long.</exception>
    public static TimeSpan CheckInterval(TimeSpan interval) => interval >= Shortest && interval <= Longest
        ? interval
        : throw new ArgumentException("An interval is at least 1 ms and at most one day.");

    /// <summary>
    /// What is there, then each change, until the time is up or nothing is left to watch: the end of a process, or a
    /// place that cannot be read from the beginning, is told as a failure and the others are watched on.
    /// </summary>
    /// <param name="timeout">How long; null: without end.</param>
    /// <param name="fail">Told what cannot be watched.</param>
    public IEnumerable<MemoryChange> Changes(TimeSpan? timeout, Action<MemProcException> fail)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan next = TimeSpan.Zero;
        while (_places.Count > 0)
        {
            foreach (WatchedMemory place in _places.ToArray())
            {
                cancellation.ThrowIfCancellationRequested();
                if (Look(place, fail) is MemoryChange change)
                {
                    yield return change;
                }
            }

            // What was missed, while changes were dealt with, is not made up for.
            TimeSpan now = Stopwatch.GetElapsedTime(start);
            next = next + interval > now ? next + interval : now + interval;
            if (_places.Count > 0 && !Wait(start, next, timeout))
            {
                yield break;
            }
        }
    }

    private MemoryChange? Look(WatchedMemory place, Action<MemProcException> fail)
    {
        // Left out with its process a moment ago.
        if (!_places.Contains(place))
        {
            return null;
        }

        try
        {
            return place.Look(DateTime.Now);
        }
        catch (MemProcException error)
        {
            _places.RemoveAll(other => other == place || (error.Errno == Errno.ESRCH && other.Process == place.Process));
            fail(error);
            return null;
        }
    }

    /// <summary>Waits for the next look; false where the time is up before.</summary>
    private bool Wait(long start, TimeSpan next, TimeSpan? timeout)
    {
        TimeSpan end = timeout < next ? timeout.Value : next;
        while (true)
        {
            TimeSpan rest = end - Stopwatch.GetElapsedTime(start);
            if (rest <= TimeSpan.Zero)
            {
                return end == next;
            }

            cancellation.WaitHandle.WaitOne(rest < Breath ? rest + Shortest : Breath);
            cancellation.ThrowIfCancellationRequested();
            if (_places.Exists(place => place.Process.HasExited))
            {
                return true;
            }
        }
    }
}

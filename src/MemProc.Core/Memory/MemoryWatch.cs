using System.Diagnostics;
using MemProc.Interop;

namespace MemProc;

/// <summary>Reads memory of processes at regular intervals and returns the changes.</summary>
/// <param name="targets">The memory to watch.</param>
/// <param name="interval">Time from one read to the next.</param>
/// <param name="cancellation">Ends the watch at once, independent of the interval.</param>
public sealed class MemoryWatch(
    IEnumerable<WatchedMemory> targets, TimeSpan interval, CancellationToken cancellation = default)
{
    /// <summary>The minimum interval, so that a watch does not keep a processor busy.</summary>
    public static readonly TimeSpan MinInterval = TimeSpan.FromMilliseconds(1);

    /// <summary>The maximum interval.</summary>
    public static readonly TimeSpan MaxInterval = TimeSpan.FromDays(1);

    /// <summary>How often the exit of a process is checked where the interval is longer.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    private readonly List<WatchedMemory> _targets = [.. targets];

    /// <summary>Returns an interval that a watch can have.</summary>
    /// <exception cref="ArgumentException">It is too short or too long.</exception>
    public static TimeSpan CheckInterval(TimeSpan interval) => interval >= MinInterval && interval <= MaxInterval
        ? interval
        : throw new ArgumentException("An interval is at least 1 ms and at most one day.");

    /// <summary>
    /// Returns the initial values, then each change, until the timeout or until nothing is left to watch. The exit of a
    /// process, and memory that cannot be read initially, are reported as failures; the others are watched on.
    /// </summary>
    /// <param name="timeout">How long to watch; null: without end.</param>
    /// <param name="fail">Called with what can no longer be watched.</param>
    public IEnumerable<MemoryChange> Changes(TimeSpan? timeout, Action<MemProcException> fail)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan next = TimeSpan.Zero;
        while (_targets.Count > 0)
        {
            foreach (WatchedMemory target in _targets.ToArray())
            {
                cancellation.ThrowIfCancellationRequested();
                if (Poll(target, fail) is MemoryChange change)
                {
                    yield return change;
                }
            }

            // Intervals that passed while the caller handled changes are skipped.
            TimeSpan now = Stopwatch.GetElapsedTime(start);
            next = next + interval > now ? next + interval : now + interval;
            if (_targets.Count > 0 && !Wait(start, next, timeout))
            {
                yield break;
            }
        }
    }

    private MemoryChange? Poll(WatchedMemory target, Action<MemProcException> fail)
    {
        // Removed together with its process just before.
        if (!_targets.Contains(target))
        {
            return null;
        }

        try
        {
            return target.Poll(DateTime.Now);
        }
        catch (MemProcException error)
        {
            _targets.RemoveAll(other => other == target || (error.Errno == Errno.ESRCH && other.Process == target.Process));
            fail(error);
            return null;
        }
    }

    /// <summary>Waits for the next read; false where the timeout comes first.</summary>
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

            cancellation.WaitHandle.WaitOne(rest < PollInterval ? rest + MinInterval : PollInterval);
            cancellation.ThrowIfCancellationRequested();
            if (_targets.Exists(target => target.Process.HasExited))
            {
                return true;
            }
        }
    }
}

using System.Diagnostics;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>A progress bar that appears for long work only, and is drawn a few times a second.</summary>
/// <param name="cmdlet">The cmdlet that works.</param>
/// <param name="activity">What it does.</param>
internal sealed class Progress(Cmdlet cmdlet, string activity)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _next = Interval * 2;
    private bool _isShown;

    /// <summary>Bytes done, and how fast: <c>1.2 GiB, 3.4 GiB/s</c>.</summary>
    /// <param name="bytes">Bytes done.</param>
    /// <param name="start">When it began, by <see cref="Stopwatch.GetTimestamp"/>.</param>
    public static string Rate(ulong bytes, long start) => $"{HumanSize.Format(bytes)}, "
        + $"{HumanSize.Format((ulong)(bytes / Stopwatch.GetElapsedTime(start).TotalSeconds))}/s";

    /// <summary>Says how far the work is.</summary>
    /// <param name="done">Units done.</param>
    /// <param name="all">Units in all.</param>
    /// <param name="status">The same in words.</param>
    public void Tell(ulong done, ulong all, string status)
    {
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_start);
        if (elapsed < _next)
        {
            return;
        }

        _next = elapsed + Interval;
        _isShown = true;
        cmdlet.WriteProgress(new ProgressRecord(1, activity, status)
        {
            PercentComplete = (int)(100.0 * done / all),
            SecondsRemaining = done == 0 ? -1 : (int)(elapsed.TotalSeconds * (all - done) / done),
        });
    }

    /// <summary>Takes the bar away.</summary>
    public void End()
    {
        if (_isShown)
        {
            cmdlet.WriteProgress(new ProgressRecord(1, activity, "done") { RecordType = ProgressRecordType.Completed });
        }
    }
}

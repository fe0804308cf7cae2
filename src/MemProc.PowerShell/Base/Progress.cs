using System.Diagnostics;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>A progress bar. It appears for long work only, is drawn a few times a second, and disappears when disposed.</summary>
/// <param name="cmdlet">The cmdlet that works.</param>
/// <param name="activity">What it does.</param>
internal sealed class Progress(Cmdlet cmdlet, string activity) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _next = Interval * 2;
    private bool _isShown;

    /// <summary>Shows how far the work is.</summary>
    /// <param name="done">Units done.</param>
    /// <param name="all">Units in all.</param>
    /// <param name="status">The same as a text.</param>
    public void Report(ulong done, ulong all, string status)
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

    /// <summary>Shows how far a search is and how fast: <c>1.2 GiB, 3.4 GiB/s</c>.</summary>
    public void Report(SearchProgress done)
    {
        double seconds = Stopwatch.GetElapsedTime(_start).TotalSeconds;
        Report(done.PassedBytes, done.MappedBytes, $"{HumanSize.Format(done.SearchedBytes)}, "
            + $"{HumanSize.Format((ulong)(done.SearchedBytes / seconds))}/s");
    }

    /// <summary>Removes the bar.</summary>
    public void Dispose()
    {
        if (_isShown)
        {
            _isShown = false;
            cmdlet.WriteProgress(new ProgressRecord(1, activity, "done") { RecordType = ProgressRecordType.Completed });
        }
    }
}

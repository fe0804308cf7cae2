using System.Diagnostics;

namespace MemProc;

/// <summary>
/// Measures what processes touch: <see cref="Add"/> them, <see cref="Start"/>, let them run, and
/// <see cref="Read(LinuxProcess)"/>.
/// The bits that are cleared for it are those that the kernel's own reclaim looks at; nothing else changes for the
/// processes. The processors' caches of translations are not flushed, so that a page whose translation is cached can
/// be touched unseen.
/// </summary>
public abstract class WorkingSetMeter : IDisposable
{
    /// <summary>Maximum duration of a measurement: one week.</summary>
    public const double MaxSeconds = 7 * 24 * 60 * 60;

    private long _start;

    /// <summary>How it measures: never Auto.</summary>
    public abstract WorkingSetMethod Method { get; }

    /// <summary>Why this way, where it was left open; else null.</summary>
    public string? Reason { get; private init; }

    /// <summary>Opens a meter.</summary>
    /// <param name="method">How to measure.</param>
    /// <param name="files">Where procfs and sysfs are.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="MemProcException">
    /// MeasureWorkingSet: Idle was asked for and the kernel has no idle bitmap (ENOENT), or it is not for this user.
    /// </exception>
    public static WorkingSetMeter Open(
        WorkingSetMethod method, KernelFiles? files = null, CancellationToken cancellation = default)
    {
        if (method == WorkingSetMethod.Referenced)
        {
            return new ReferencedMeter(cancellation);
        }

        try
        {
            return new IdleMeter(files, cancellation);
        }
        catch (MemProcException error) when (method == WorkingSetMethod.Auto)
        {
            return new ReferencedMeter(cancellation) { Reason = error.Message };
        }
    }

    /// <summary>Takes a process in.</summary>
    /// <param name="process">The process; it has to stay open.</param>
    /// <exception cref="MemProcException">The process cannot be measured; nothing was changed.</exception>
    public abstract void Add(LinuxProcess process);

    /// <summary>Begins.</summary>
    /// <exception cref="MemProcException">The kernel refused.</exception>
    public void Start()
    {
        Begin();
        _start = Stopwatch.GetTimestamp();
    }

    /// <summary>What a process has touched since the start, by mapping, in address order.</summary>
    /// <param name="process">One of the processes that were taken in.</param>
    /// <exception cref="MemProcException">The process cannot be read, or has exited.</exception>
    public IEnumerable<WorkingSet> Read(LinuxProcess process) => Read(process, Elapsed);

    /// <summary>The same for the whole process.</summary>
    /// <inheritdoc cref="Read(LinuxProcess)"/>
    public WorkingSetSummary Summarize(LinuxProcess process)
    {
        double seconds = Elapsed;
        return WorkingSetSummary.Of(process.Identity, Method, seconds, Read(process, seconds));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Marks what was taken in and is not marked yet.</summary>
    private protected abstract void Begin();

    /// <summary>Reads back.</summary>
    private protected abstract IEnumerable<WorkingSet> Read(LinuxProcess process, double seconds);

    /// <summary>Closes what was opened.</summary>
    private protected virtual void Dispose(bool disposing)
    {
    }

    private double Elapsed => Stopwatch.GetElapsedTime(_start).TotalSeconds;
}

using System.Diagnostics;

namespace MemProc;

/// <summary>How touched pages are found.</summary>
public enum WorkingSetMethod
{
    /// <summary>Idle where the kernel has it and this user may use it, otherwise Referenced.</summary>
    Auto,
    /// <summary>The idle bitmap: by frame, touched by any process, through memory or through a file.</summary>
    Idle,
    /// <summary>Referenced bits, cleared by clear_refs and counted by smaps: mostly the process' own page table.</summary>
    Referenced,
}

/// <summary>
/// Measures what processes touch: <see cref="Add"/> them, <see cref="Start"/>, let them run, and
/// <see cref="Read(LinuxProcess)"/>. The bits that are cleared are those that the kernel's reclaim uses; nothing else
/// changes for the processes. The TLBs are not flushed, so that accesses to a page whose translation is cached can be
/// missed.
/// </summary>
public abstract class WorkingSetMeter : IDisposable
{
    /// <summary>Maximum duration of a measurement: one week.</summary>
    public const double MaxSeconds = 7 * 24 * 60 * 60;

    private long _start;

    /// <summary>How it measures; not Auto.</summary>
    public abstract WorkingSetMethod Method { get; }

    /// <summary>Why Auto did not choose Idle; null where it did, or where a method was given.</summary>
    public string? Reason { get; private init; }

    /// <summary>Opens a meter.</summary>
    /// <param name="method">How to measure.</param>
    /// <param name="files">Where procfs and sysfs are.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="MemProcException">
    /// MeasureWorkingSet: Idle was given and the kernel has no idle bitmap (ENOENT), or this user may not use it.
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

    /// <summary>Adds a process.</summary>
    /// <param name="process">The process; it has to stay open.</param>
    /// <exception cref="MemProcException">The process cannot be measured; nothing was changed.</exception>
    public abstract void Add(LinuxProcess process);

    /// <summary>Starts the measurement.</summary>
    /// <exception cref="MemProcException">The kernel reported an error.</exception>
    public void Start()
    {
        Begin();
        _start = Stopwatch.GetTimestamp();
    }

    /// <summary>Returns what a process has touched since the start, by mapping, in address order.</summary>
    /// <param name="process">One of the processes that were added.</param>
    /// <exception cref="MemProcException">The process cannot be read, or has exited.</exception>
    public IEnumerable<WorkingSet> Read(LinuxProcess process) => Read(process, Elapsed);

    /// <summary>Returns the sums for a whole process.</summary>
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

    /// <summary>Marks what was added and is not marked yet.</summary>
    private protected abstract void Begin();

    /// <summary>Reads what was touched.</summary>
    private protected abstract IEnumerable<WorkingSet> Read(LinuxProcess process, double seconds);

    /// <summary>Closes what was opened.</summary>
    private protected virtual void Dispose(bool disposing)
    {
    }

    private double Elapsed => Stopwatch.GetElapsedTime(_start).TotalSeconds;
}

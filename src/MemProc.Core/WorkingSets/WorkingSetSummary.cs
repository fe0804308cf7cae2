namespace MemProc;

/// <summary>The part of a process that was touched while it was measured: the sums of its <see cref="WorkingSet"/>s.</summary>
public sealed class WorkingSetSummary
{
    private readonly ProcessIdentity _process;

    private WorkingSetSummary(ProcessIdentity process, WorkingSetMethod method, double seconds)
    {
        _process = process;
        Method = method;
        Seconds = seconds;
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _process.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => _process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => _process.StartTicks;

    /// <inheritdoc cref="WorkingSet.Method"/>
    public WorkingSetMethod Method { get; }

    /// <inheritdoc cref="WorkingSet.Seconds"/>
    public double Seconds { get; }

    /// <summary>Number of mappings.</summary>
    public int MappingCount { get; private set; }

    /// <inheritdoc cref="WorkingSet.RssBytes"/>
    public ulong RssBytes { get; private set; }

    /// <inheritdoc cref="WorkingSet.ReferencedBytes"/>
    public ulong ReferencedBytes { get; private set; }

    /// <inheritdoc cref="WorkingSet.UntrackedBytes"/>
    public ulong? UntrackedBytes { get; private set; }

    /// <summary>Returns the sums of the mappings of a process.</summary>
    internal static WorkingSetSummary Of(
        ProcessIdentity process, WorkingSetMethod method, double seconds, IEnumerable<WorkingSet> mappings)
    {
        WorkingSetSummary sum = new(process, method, seconds)
        {
            UntrackedBytes = method == WorkingSetMethod.Idle ? 0 : null,
        };
        foreach (WorkingSet mapping in mappings)
        {
            sum.MappingCount++;
            sum.RssBytes += mapping.RssBytes;
            sum.ReferencedBytes += mapping.ReferencedBytes;
            sum.UntrackedBytes += mapping.UntrackedBytes;
        }

        return sum;
    }
}

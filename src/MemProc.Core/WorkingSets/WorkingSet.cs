namespace MemProc;

/// <summary>What of a mapping was touched while it was measured.</summary>
public sealed class WorkingSet
{
    private readonly ProcMap _map;

    internal WorkingSet(
        ProcMap map, WorkingSetMethod method, double seconds, ulong rssBytes, ulong referencedBytes,
        ulong? untrackedBytes)
    {
        _map = map;
        Method = method;
        Seconds = seconds;
        RssBytes = rssBytes;
        ReferencedBytes = referencedBytes;
        UntrackedBytes = untrackedBytes;
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _map.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => _map.ProcessName;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => _map.ProcessStartTicks;

    /// <summary>First address of the mapping.</summary>
    public ulong Start => _map.Start;

    /// <summary>First address behind the mapping.</summary>
    public ulong End => _map.End;

    /// <summary>Size of the mapping in bytes.</summary>
    public ulong SizeBytes => _map.SizeBytes;

    /// <summary>Permissions of the mapping: <c>r-xp</c>.</summary>
    public string Permissions => _map.Permissions;

    /// <summary>Path or name of the mapping.</summary>
    public string Path => _map.Path;

    /// <summary>How it was found out: Idle or Referenced.</summary>
    public WorkingSetMethod Method { get; }

    /// <summary>How long it was measured, in seconds.</summary>
    public double Seconds { get; }

    /// <summary>
    /// Bytes in memory at the end. By Idle, of all present pages; by Referenced, what smaps calls Rss, which leaves out
    /// hugetlb pages, the zero page and pages of the kernel itself.
    /// </summary>
    public ulong RssBytes { get; }

    /// <summary>Bytes of these that were touched, or came into memory, meanwhile.</summary>
    public ulong ReferencedBytes { get; }

    /// <summary>
    /// Bytes of these that the kernel cannot mark and of which nothing is known: part of neither the touched nor the
    /// untouched ones. Null by Referenced, which does not tell.
    /// </summary>
    public ulong? UntrackedBytes { get; }
}

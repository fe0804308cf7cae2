namespace MemProc;

/// <summary>The part of a mapping that was touched while it was measured.</summary>
public sealed class WorkingSet : ProcessOutput
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

    internal override ProcessIdentity Process => _map.Process;

    /// <summary>First address of the mapping.</summary>
    public ulong Start => _map.Start;

    /// <summary>First address after the mapping.</summary>
    public ulong End => _map.End;

    /// <summary>Size of the mapping in bytes.</summary>
    public ulong SizeBytes => _map.SizeBytes;

    /// <summary>Permissions of the mapping: <c>r-xp</c>.</summary>
    public string Permissions => _map.Permissions;

    /// <summary>Path or name of the mapping.</summary>
    public string Path => _map.Path;

    /// <summary>How it was measured: Idle or Referenced.</summary>
    public WorkingSetMethod Method { get; }

    /// <summary>Duration of the measurement in seconds.</summary>
    public double Seconds { get; }

    /// <summary>
    /// Bytes in memory at the end. With Idle, all present pages; with Referenced, Rss of smaps, which does not include
    /// hugetlb pages, the zero page and pages of the kernel itself.
    /// </summary>
    public ulong RssBytes { get; }

    /// <summary>Bytes of <see cref="RssBytes"/> that were touched, or came into memory, during the measurement.</summary>
    public ulong ReferencedBytes { get; }

    /// <summary>
    /// Bytes of <see cref="RssBytes"/> that the kernel cannot mark, so that nothing is known about them: they are neither
    /// among the touched nor among the untouched bytes. Null with Referenced, which does not report it.
    /// </summary>
    public ulong? UntrackedBytes { get; }
}

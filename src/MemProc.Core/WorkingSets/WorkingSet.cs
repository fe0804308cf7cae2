namespace MemProc;

/// <summary>The part of a mapping that was touched while it was measured.</summary>
public sealed class WorkingSet : ProcessOutput
{
    private readonly ProcMap _map;

    internal WorkingSet(ProcMap map, WorkingSetMethod method, double seconds)
    {
        _map = map;
        Method = method;
        Seconds = seconds;
    }

    internal override ProcessIdentity Process => _map.Process;

    /// <summary>First address of the mapping.</summary>
    public ulong Start => _map.Start;

    /// <summary><see cref="Start"/> in hex.</summary>
    public string StartHex => HexText.Of(Start);

    /// <summary>First address after the mapping.</summary>
    public ulong End => _map.End;

    /// <summary><see cref="End"/> in hex.</summary>
    public string EndHex => HexText.Of(End);

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
    public ulong RssBytes { get; internal init; }

    /// <summary>Bytes of <see cref="RssBytes"/> that no other process maps.</summary>
    public ulong UssBytes { get; internal init; }

    /// <summary>Bytes of <see cref="RssBytes"/> that were touched, or came into memory, during the measurement.</summary>
    public ulong ReferencedBytes { get; internal init; }

    /// <summary>
    /// Bytes of <see cref="ReferencedBytes"/> that no other process maps. With Referenced, those of which it is certain
    /// (<see cref="UnattributedReferencedBytes"/>).
    /// </summary>
    public ulong PrivateReferencedBytes { get; internal init; }

    /// <summary>Bytes of <see cref="ReferencedBytes"/> that other processes map too, like the private ones.</summary>
    public ulong SharedReferencedBytes { get; internal init; }

    /// <summary>
    /// Bytes of <see cref="ReferencedBytes"/> of which the kernel does not report whether other processes map them: with
    /// Referenced, in a mapping that has private and shared pages. 0 with Idle.
    /// </summary>
    public ulong UnattributedReferencedBytes => ReferencedBytes > PrivateReferencedBytes + SharedReferencedBytes
        ? ReferencedBytes - PrivateReferencedBytes - SharedReferencedBytes
        : 0;

    /// <summary>
    /// Bytes of <see cref="RssBytes"/> that the kernel cannot mark, so that nothing is known about them: they are neither
    /// among the touched nor among the untouched bytes. Null with Referenced, which does not report it.
    /// </summary>
    public ulong? UntrackedBytes { get; internal init; }

    /// <summary>Returns mapping and touched bytes in words.</summary>
    public override string ToString() =>
        $"{_map.Label} at 0x{Start:x}: {HumanSize.Format(ReferencedBytes)} of {HumanSize.Format(RssBytes)} touched";
}

using System.Text.Json.Serialization;

namespace MemProc;

/// <summary>By what page frames are counted.</summary>
public enum PageFrameGrouping
{
    /// <summary>What they are used for.</summary>
    Kind,
    /// <summary>The file that they belong to.</summary>
    File,
    /// <summary>The slab cache of the kernel.</summary>
    Slab,
    /// <summary>The memory cgroup that is charged for them.</summary>
    Cgroup,
    /// <summary>The process that maps them.</summary>
    Process,
    /// <summary>The NUMA node.</summary>
    Node,
    /// <summary>The size of the folio or free block.</summary>
    Order,
}

/// <summary>A number of page frames that have something in common.</summary>
public sealed class PageFrameGroup
{
    internal PageFrameGroup(string name, PageFrameKind? kind, int? processId, ulong pageCount, PageFrameTotal total)
    {
        Name = name;
        Kind = kind;
        ProcessId = processId;
        PageCount = pageCount;
        Total = total;
    }

    /// <summary>What they have in common. A name in parentheses is the kind of frames that have no such owner.</summary>
    public string Name { get; }

    /// <summary>What they are used for; null where the group has frames of several kinds.</summary>
    public PageFrameKind? Kind { get; }

    /// <summary>The process that maps them, where they are counted by process; otherwise null.</summary>
    public int? ProcessId { get; }

    /// <summary>Number of frames.</summary>
    public ulong PageCount { get; }

    /// <summary>Their size in bytes.</summary>
    public ulong SizeBytes => PageCount * MachinePage.SizeBytes;

    /// <summary>Their part of all frames that were counted, percent.</summary>
    public double Percent => Total.PageCount == 0 ? 0 : 100.0 * PageCount / Total.PageCount;

    /// <summary>All frames that were counted, and how they compare with MemTotal.</summary>
    [JsonIgnore]
    public PageFrameTotal Total { get; }

    /// <summary>Returns name and size.</summary>
    public override string ToString() => $"{SafeText.Escape(Name)}: {HumanSize.Format(SizeBytes)}";
}

/// <summary>All frames that were counted together, and how they compare with MemTotal of <c>/proc/meminfo</c>.</summary>
public sealed class PageFrameTotal
{
    internal PageFrameTotal(ulong pageCount, ulong reservedCount, ulong unexplainedCount, ulong? memTotalBytes, bool isComplete)
    {
        PageCount = pageCount;
        ReservedSizeBytes = reservedCount * MachinePage.SizeBytes;
        UnexplainedSizeBytes = unexplainedCount * MachinePage.SizeBytes;
        MemTotalBytes = memTotalBytes;
        IsComplete = isComplete;
    }

    /// <summary>Number of frames.</summary>
    public ulong PageCount { get; }

    /// <summary>Their size in bytes.</summary>
    public ulong SizeBytes => PageCount * MachinePage.SizeBytes;

    /// <summary>
    /// Bytes of frames that the kernel does not manage since boot, and so are not part of MemTotal: kinds Reserved and
    /// Device, and the page of zeros.
    /// </summary>
    public ulong ReservedSizeBytes { get; }

    /// <summary>Bytes of frames of which the kernel does not record what they are used for: kinds Kernel, Detached, Unknown.</summary>
    public ulong UnexplainedSizeBytes { get; }

    /// <summary>MemTotal in bytes; null if it could not be read.</summary>
    public ulong? MemTotalBytes { get; }

    /// <summary>All frames of the machine were counted, not a selection.</summary>
    public bool IsComplete { get; }

    /// <summary>
    /// Bytes that were counted, without what is reserved, less MemTotal: 0 if all memory is accounted for. Null where not all
    /// frames were counted.
    /// </summary>
    public long? DifferenceBytes => IsComplete && MemTotalBytes is ulong memTotal
        ? (long)(SizeBytes - ReservedSizeBytes) - (long)memTotal
        : null;

    /// <summary>Formats it as a sentence.</summary>
    public override string ToString()
    {
        string counted = $"{HumanSize.Format(SizeBytes)} in {PageCount} frames";
        return DifferenceBytes is not long difference ? counted
            : $"{counted}, {HumanSize.Format(ReservedSizeBytes)} of it reserved since boot; MemTotal "
                + $"{HumanSize.Format(MemTotalBytes!.Value)}, difference "
                + (difference == 0 ? "none" : $"{(difference < 0 ? "-" : "+")}{HumanSize.Format((ulong)Math.Abs(difference))}");
    }
}

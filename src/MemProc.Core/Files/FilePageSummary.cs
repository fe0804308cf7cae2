namespace MemProc;

/// <summary>How much of a file the page cache has. What the kernel does not tell this user is null.</summary>
public sealed class FilePageSummary
{
    internal FilePageSummary(string path, ulong sizeBytes)
    {
        Path = path;
        SizeBytes = sizeBytes;
    }

    /// <summary>Path of the file.</summary>
    public string Path { get; }

    /// <summary>Size of the file, bytes.</summary>
    public ulong SizeBytes { get; }

    /// <summary>Pages that the file has, a last partial one and those of holes included.</summary>
    public ulong PageCount => MachinePage.Ceiling(SizeBytes) / MachinePage.SizeBytes;

    /// <summary>Pages in memory.</summary>
    public ulong? ResidentPages { get; internal init; }

    /// <summary>Bytes of memory that these pages take: whole pages.</summary>
    public ulong? ResidentBytes => ResidentPages * MachinePage.SizeBytes;

    /// <summary>Share of the pages that are in memory, 0 to 100; 0 for an empty file.</summary>
    public double? ResidentPercent => ResidentPages is ulong pages ? 100.0 * pages / Math.Max(PageCount, 1) : null;

    /// <summary>Stretches of neighbouring pages in memory.</summary>
    public ulong? RunCount { get; internal init; }

    /// <summary>Pages changed and not yet written back; null also before Linux 6.5, like the next three.</summary>
    public ulong? DirtyPages { get; internal init; }

    /// <summary>Pages being written back.</summary>
    public ulong? WritebackPages { get; internal init; }

    /// <summary>Pages dropped that the kernel still remembers; for files in memory, those in swap.</summary>
    public ulong? EvictedPages { get; internal init; }

    /// <summary>Of those, pages dropped so recently that they were in use.</summary>
    public ulong? RecentlyEvictedPages { get; internal init; }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>How much of a file is in the page cache. What the kernel does not report to this user is null.</summary>
public sealed class FilePageSummary
{
    private readonly FileStatus _status;

    internal FilePageSummary(string path, in FileStatus status)
    {
        Path = path;
        _status = status;
    }

    /// <summary>Path of the file.</summary>
    public string Path { get; }

    /// <summary>Size of the file in bytes.</summary>
    public ulong SizeBytes => _status.SizeBytes;

    /// <summary>Device that holds the file, <c>major:minor</c> in hex, as mappings have it: <c>fd:00</c>.</summary>
    public string Device => $"{_status.DeviceMajor:x2}:{_status.DeviceMinor:x2}";

    /// <summary>Inode number.</summary>
    public ulong Inode => _status.Inode;

    /// <summary>Local time of the last change of the content; null where it is outside of the years 1 to 9999.</summary>
    public DateTime? ModifyTime => LocalTime(_status.ModifySeconds, _status.ModifyNanoseconds);

    /// <summary>Local time of the last change of owner, permissions, size or content.</summary>
    public DateTime? ChangeTime => LocalTime(_status.ChangeSeconds, _status.ChangeNanoseconds);

    /// <summary>Local time of the last access, as far as the mount options record it.</summary>
    public DateTime? AccessTime => LocalTime(_status.AccessSeconds, _status.AccessNanoseconds);

    /// <summary>Pages of the file, including a last partial page and pages of holes.</summary>
    public ulong PageCount => MachinePage.Ceiling(SizeBytes) / MachinePage.SizeBytes;

    /// <summary>Pages in memory.</summary>
    public ulong? ResidentPages { get; internal init; }

    /// <summary>Bytes of memory that these pages use: whole pages.</summary>
    public ulong? ResidentBytes => ResidentPages * MachinePage.SizeBytes;

    /// <summary>Percentage of the pages that are in memory, 0 to 100; 0 for an empty file.</summary>
    public double? ResidentPercent => ResidentPages is ulong pages ? 100.0 * pages / Math.Max(PageCount, 1) : null;

    /// <summary>Number of runs of consecutive pages in memory.</summary>
    public ulong? RunCount { get; internal init; }

    /// <summary>Pages changed and not yet written back. This and the next three are null before Linux 6.5.</summary>
    public ulong? DirtyPages { get; internal init; }

    /// <summary>Pages being written back.</summary>
    public ulong? WritebackPages { get; internal init; }

    /// <summary>Pages evicted that the kernel still keeps track of; for files of tmpfs, pages in swap.</summary>
    public ulong? EvictedPages { get; internal init; }

    /// <summary>Of these, pages evicted so recently that they were in use.</summary>
    public ulong? RecentlyEvictedPages { get; internal init; }

    private static DateTime? LocalTime(long seconds, uint nanoseconds)
    {
        const int NanosecondsPerTick = 100;
        return seconds >= DateTimeOffset.MinValue.ToUnixTimeSeconds() && seconds < DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(nanoseconds / NanosecondsPerTick).LocalDateTime
            : null;
    }

    /// <summary>Returns the file and how much of it is in memory.</summary>
    public override string ToString() =>
        $"{SafeText.Escape(Path)}: {(ResidentBytes is ulong resident ? HumanSize.Format(resident) : "?")} of {HumanSize.Format(SizeBytes)}";
}

using MemProc.Interop;

namespace MemProc;

/// <summary>A page of a file, and whether the page cache has it.</summary>
public sealed class FilePage
{
    private readonly PageFlags? _frame;

    internal FilePage(
        string path, ulong pageIndex, bool? isResident, RawPageMapEntry entry, PageFlags? frame)
    {
        Path = path;
        PageIndex = pageIndex;
        IsResident = isResident;
        RawEntry = entry;
        _frame = frame;
    }

    /// <summary>The pagemap entry by which the frame was found.</summary>
    internal RawPageMapEntry RawEntry { get; }

    /// <summary>Path of the file.</summary>
    public string Path { get; }

    /// <summary>Index of the page in the file, from 0. The last page can extend beyond the end of the file.</summary>
    public ulong PageIndex { get; }

    /// <summary>Offset of the page in the file, in bytes.</summary>
    public ulong Offset => PageIndex * MachinePage.SizeBytes;

    /// <summary>In memory; null where the kernel does not report it to this user.</summary>
    public bool? IsResident { get; }

    /// <summary>
    /// The frame that holds the page; null where it is not in memory, was evicted meanwhile, or where the kernel hid the
    /// number (<see cref="IsPfnHidden"/>).
    /// </summary>
    public ulong? Pfn => RawEntry.IsPresent && !RawEntry.IsPfnHidden ? RawEntry.Pfn : null;

    /// <summary>Physical address of the page; null like <see cref="Pfn"/>.</summary>
    public ulong? PhysicalAddress => Pfn * MachinePage.SizeBytes;

    /// <summary>The kernel hid the frame number: the reader lacks CAP_SYS_ADMIN.</summary>
    public bool IsPfnHidden => RawEntry.IsPfnHidden;

    /// <summary>
    /// The flags as <c>/proc/kpageflags</c> has them. This and the next properties are null where flags were not
    /// requested, or there is no <see cref="Pfn"/>.
    /// </summary>
    public ulong? RawFlags => _frame?.RawFlags;

    /// <summary>Names of the flags, as in <see cref="PageFlags.Flags"/>.</summary>
    public string[]? Flags => _frame?.Flags;

    /// <summary>The same flags in the letters of page-types.</summary>
    public string? Symbol => _frame?.Symbol;

    /// <summary>How many times the frame is mapped, without the mapping that reads it.</summary>
    public ulong? MapCount => _frame?.MapCount;

    /// <summary>Inode of the memory cgroup that is charged for the page, 0 where none is.</summary>
    public ulong? CgroupInode => _frame?.CgroupInode;

    /// <summary>Path of that cgroup; null where it is not visible.</summary>
    public string? CgroupPath => _frame?.CgroupPath;

    /// <summary><see cref="IsResident"/> in a word: <c>resident</c>, <c>absent</c>, <c>unknown</c>.</summary>
    public string State => IsResident is bool known ? known ? "resident" : "absent" : "unknown";
}

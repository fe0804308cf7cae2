using MemProc.Interop;

namespace MemProc;

/// <summary>A page of a file, and whether the page cache has it.</summary>
public sealed class FilePage
{
    private readonly PageMapWord _word;
    private readonly PageFlags? _frame;

    internal FilePage(
        string path, ulong pageIndex, bool? isResident, PageMapWord word, PageFlags? frame)
    {
        Path = path;
        PageIndex = pageIndex;
        IsResident = isResident;
        _word = word;
        _frame = frame;
    }

    /// <summary>The word of pagemap by which the frame was found.</summary>
    internal PageMapWord Word => _word;

    /// <summary>Path of the file.</summary>
    public string Path { get; }

    /// <summary>Which page of the file, from 0 on. The last one can be partly behind the end of the file.</summary>
    public ulong PageIndex { get; }

    /// <summary>Where in the file the page begins, bytes.</summary>
    public ulong Offset => PageIndex * MachinePage.SizeBytes;

    /// <summary>In memory; null where the kernel does not tell this user.</summary>
    public bool? IsResident { get; }

    /// <summary>
    /// The frame that holds the page; null where it is not in memory, was dropped while it was looked at, or where the
    /// kernel hid the number (<see cref="IsPfnHidden"/>).
    /// </summary>
    public ulong? Pfn => _word.IsPresent && !_word.IsPfnHidden ? _word.Pfn : null;

    /// <summary>Physical address of the page; null like <see cref="Pfn"/>.</summary>
    public ulong? PhysicalAddress => Pfn * MachinePage.SizeBytes;

    /// <summary>The kernel hid the frame number: the reader lacks CAP_SYS_ADMIN.</summary>
    public bool IsPfnHidden => _word.IsPfnHidden;

    /// <summary>
    /// The word of <c>/proc/kpageflags</c>; this and what follows is null where flags were not asked for, or there is
    /// no <see cref="Pfn"/>.
    /// </summary>
    public ulong? RawFlags => _frame?.RawFlags;

    /// <summary>Names of the flags, as <see cref="PageFlags.Flags"/> has them.</summary>
    public string[]? Flags => _frame?.Flags;

    /// <summary>The same flags in page-types' letters.</summary>
    public string? Symbol => _frame?.Symbol;

    /// <summary>How many times the frame is mapped; the look at it does not count.</summary>
    public ulong? MapCount => _frame?.MapCount;

    /// <summary>Inode of the memory cgroup that pays for the page, 0 where none does.</summary>
    public ulong? CgroupInode => _frame?.CgroupInode;

    /// <summary>Path of that cgroup; null where it is in none that can be seen.</summary>
    public string? CgroupPath => _frame?.CgroupPath;

    /// <summary>The same in a word: <c>resident</c>, <c>absent</c>, <c>unknown</c>.</summary>
    public string State => IsResident is bool known ? known ? "resident" : "absent" : "unknown";
}

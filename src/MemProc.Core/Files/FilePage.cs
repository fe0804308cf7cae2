using MemProc.Interop;

namespace MemProc;

/// <summary>A page of a file, or a run of consecutive pages of equal state, and whether the page cache has it.</summary>
public sealed class FilePage
{
    private readonly PageFlags? _frame;

    internal FilePage(
        string path, ulong pageIndex, bool? isResident, RawPageMapEntry entry, PageFlags? frame, ulong pageCount = 1)
    {
        Path = path;
        PageIndex = pageIndex;
        PageCount = pageCount;
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

    /// <summary>Number of pages: 1, or more for a run.</summary>
    public ulong PageCount { get; }

    /// <summary>Offset of the page in the file, in bytes.</summary>
    public ulong Offset => PageIndex * MachinePage.SizeBytes;

    /// <summary><see cref="Offset"/> in hex.</summary>
    public string OffsetHex => HexText.Of(Offset);

    /// <summary>In memory; null where the kernel does not report it to this user.</summary>
    public bool? IsResident { get; }

    /// <summary>
    /// The frame that holds the page; null where it is not in memory, was evicted meanwhile, or where the kernel hid the
    /// number (<see cref="IsPfnHidden"/>).
    /// </summary>
    public ulong? Pfn => RawEntry.IsPresent && !RawEntry.IsPfnHidden ? RawEntry.Pfn : null;

    /// <summary><see cref="Pfn"/> in hex.</summary>
    public string? PfnHex => HexText.Of(Pfn);

    /// <summary>Physical address of the page; null like <see cref="Pfn"/>.</summary>
    public ulong? PhysicalAddress => Pfn * MachinePage.SizeBytes;

    /// <summary><see cref="PhysicalAddress"/> in hex.</summary>
    public string? PhysicalAddressHex => HexText.Of(PhysicalAddress);

    /// <summary>The kernel hid the frame number: the reader lacks CAP_SYS_ADMIN.</summary>
    public bool IsPfnHidden => RawEntry.IsPfnHidden;

    /// <summary>
    /// The flags as <c>/proc/kpageflags</c> has them. This and the next properties are null where flags were not
    /// requested, or there is no <see cref="Pfn"/>.
    /// </summary>
    public ulong? RawFlags => _frame?.RawFlags;

    /// <summary><see cref="RawFlags"/> in hex.</summary>
    public string? RawFlagsHex => HexText.Of(RawFlags);

    /// <summary>Names of the flags, as in <see cref="PageFlags.Flags"/>.</summary>
    public OutputList<string>? Flags => _frame?.Flags;

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

    /// <summary>
    /// Joins consecutive pages of a file that are in consecutive frames of equal state, that have no frame, or whose frames
    /// are hidden. The other properties of a run are those of its first page.
    /// </summary>
    /// <param name="pages">The pages of one file.</param>
    public static IEnumerable<FilePage> Join(IEnumerable<FilePage> pages)
    {
        FilePage? first = null;
        ulong count = 0;
        foreach (FilePage page in pages)
        {
            if (first is not null && first.IsContinuedBy(page, count))
            {
                count++;
                continue;
            }

            if (first is not null)
            {
                yield return first.AsRun(count);
            }

            (first, count) = (page, 1);
        }

        if (first is not null)
        {
            yield return first.AsRun(count);
        }
    }

    private bool IsContinuedBy(FilePage next, ulong count) =>
        next.PageIndex == PageIndex + count && next.IsResident == IsResident && next.IsPfnHidden == IsPfnHidden
        && next.Pfn == Pfn + count
        && (_frame is null || next._frame is null ? _frame == next._frame : _frame.HasStateOf(next._frame));

    private FilePage AsRun(ulong pageCount) => new(Path, PageIndex, IsResident, RawEntry, _frame, pageCount);

    /// <summary>Returns the page and its state.</summary>
    public override string ToString() => $"{SafeText.Escape(Path)}+0x{Offset:x} {State}";
}

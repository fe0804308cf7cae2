using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Walks the pages of files and returns which are in memory, and in which frames. It reads no page into memory: files
/// are mapped, mincore(2) reports what is in memory, and only that is touched. A page that is evicted between query and
/// touch is read again; this cannot be ruled out.
/// </summary>
public sealed class FilePageWalk : IDisposable
{
    /// <summary>The warning where it is unknown whether pages are in memory.</summary>
    public static string SomeResidencyHidden =>
        $"The kernel does not report to this user which pages of some files are in memory. {ResidencyHidden}";

    /// <summary>The reason for <see cref="SomeResidencyHidden"/>.</summary>
    internal static string ResidencyHidden => "Since Linux 5.2 this requires ownership of the file, or write permission. For "
        + $"other files: {CallerRights.Read().Explain([Capability.Fowner])}";

    private readonly FilePageReader _reader;
    private readonly FrameTables? _tables;
    private readonly CancellationToken _cancellation;

    /// <summary>Prepares a walk.</summary>
    /// <param name="withFlags">Whether to read flags, map counts and cgroups of the frames; requires root.</param>
    /// <param name="files">Where the kernel's file systems are; the usual places when left out.</param>
    /// <param name="cancellation">Stops the walk.</param>
    /// <exception cref="MemProcException">ReadPageFlags: EACCES without root where flags are requested.</exception>
    public FilePageWalk(bool withFlags = false, KernelFiles? files = null, CancellationToken cancellation = default)
    {
        files ??= KernelFiles.Default;
        _cancellation = cancellation;
        _tables = withFlags ? new FrameTables(files: files) : null;
        _reader = new FilePageReader(files, cancellation);
    }

    /// <summary>Whether pages that are not in memory, or not known to be, are included.</summary>
    public bool IncludeAbsent { get; init; }

    /// <summary>Whether consecutive pages of equal state in consecutive frames become one object.</summary>
    public bool JoinRuns { get; init; }

    /// <summary>Whether to show flags internal to the kernel, and overloaded ones by their meaning.</summary>
    public bool RawFlags { get; init; }

    /// <summary>Selects pages by their frames, which requires that flags are read; null: all.</summary>
    public FrameFilter? Filter { get; init; }

    /// <summary>The first byte whose page is included.</summary>
    public ulong Offset { get; init; }

    /// <summary>Bytes from there on; null: up to the end of the file.</summary>
    public ulong? Length { get; init; }

    private ulong End => Length is ulong length && length <= ulong.MaxValue - Offset ? Offset + length : ulong.MaxValue;

    /// <summary>Returns the pages of a file in order.</summary>
    /// <param name="path">The file; a symbolic link is followed.</param>
    /// <exception cref="MemProcException">
    /// ReadFilePages: the file cannot be opened or mapped; EPERM where the kernel does not report what is in memory,
    /// unless such pages are included. ReadPageFlags failed.
    /// </exception>
    public IEnumerable<FilePage> Pages(string path)
    {
        using PageCacheFile file = _reader.Open(path);
        IEnumerable<FilePage> pages = file.IsResidencyVisible ? KnownPages(file)
            : IncludeAbsent ? UnknownPages(file)
            : throw file.ResidencyUnknown();
        foreach (FilePage page in JoinRuns ? FilePage.Join(pages) : pages)
        {
            yield return page;
        }
    }

    /// <summary>Counts the flags of the frames that hold pages of a file.</summary>
    /// <param name="path">The file; a symbolic link is followed.</param>
    /// <param name="filter">Selects the frames that count.</param>
    /// <param name="counts">Receives the counts.</param>
    /// <inheritdoc cref="Pages" path="/exception"/>
    public void Count(string path, FrameFilter filter, FlagTally counts)
    {
        foreach (FilePage page in Pages(path))
        {
            if (page.RawFlags is ulong flags && (filter.CgroupInode is null || page.CgroupInode == filter.CgroupInode))
            {
                counts.Add(new KernelPageFlagSet(flags), page.RawEntry);
            }
        }
    }

    /// <summary>Returns how much of a file is in memory.</summary>
    /// <inheritdoc cref="Pages" path="/param"/>
    /// <exception cref="MemProcException">ReadFilePages: the file cannot be opened or mapped.</exception>
    public FilePageSummary Summarize(string path)
    {
        using PageCacheFile file = _reader.Open(path);
        if (!file.IsResidencyVisible)
        {
            return new FilePageSummary(path, file.Status);
        }

        // The file can grow or shrink meanwhile; the result is for the size that it had.
        FileStatus status = file.Status;
        ulong size = file.SizeBytes;
        ulong resident = 0, runs = 0, next = 0;
        foreach (FilePageWindow window in _reader.Read(file, withFrames: false, withEmpty: false))
        {
            ReadOnlySpan<byte> residency = window.Residency.Span;
            for (int page = 0; page < residency.Length; page++)
            {
                if (residency[page] != 0)
                {
                    ulong index = window.FirstPage + (ulong)page;
                    runs += index == next && resident > 0 ? 0u : 1u;
                    resident++;
                    next = index + 1;
                }
            }
        }

        CacheCounts? counts = file.Count(0, size);
        return new FilePageSummary(path, status)
        {
            ResidentPages = resident,
            RunCount = runs,
            DirtyPages = counts?.Dirty,
            WritebackPages = counts?.Writeback,
            EvictedPages = counts?.Evicted,
            RecentlyEvictedPages = counts?.RecentlyEvicted,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tables?.Dispose();
        _reader.Dispose();
    }

    private IEnumerable<FilePage> KnownPages(PageCacheFile file)
    {
        foreach (FilePageWindow window in _reader.Read(
            file, withFrames: true, withEmpty: IncludeAbsent, Offset, End))
        {
            // The window is unmapped by now, so that the look itself counts as no mapping.
            PageFlags?[] frames = ReadFrames(window);
            for (int page = 0, frame = 0; page < window.Residency.Length; page++)
            {
                bool isResident = window.Residency.Span[page] != 0;
                RawPageMapEntry entry = new(window.Entries.IsEmpty ? 0 : window.Entries.Span[page]);
                PageFlags? flags = IsFrameKnown(entry) && frames.Length > 0 ? frames[frame++] : null;
                if ((!isResident && !IncludeAbsent) || !IsInRange(window.FirstPage + (ulong)page)
                    || (Filter is not null && (flags is null || !Filter.Matches(flags))))
                {
                    continue;
                }

                yield return new FilePage(file.Path, window.FirstPage + (ulong)page, isResident, entry, flags);
            }
        }
    }

    private bool IsInRange(ulong page) => page >= Offset / MachinePage.SizeBytes && page * MachinePage.SizeBytes < End;

    private static bool IsFrameKnown(RawPageMapEntry entry) => entry.IsPresent && !entry.IsPfnHidden;

    private PageFlags?[] ReadFrames(FilePageWindow window)
    {
        if (_tables is null)
        {
            return [];
        }

        ulong[] pfns = new ulong[window.Entries.Length];
        ulong[] entries = new ulong[pfns.Length];
        int count = 0;
        foreach (ulong raw in window.Entries.Span)
        {
            RawPageMapEntry entry = new(raw);
            if (IsFrameKnown(entry))
            {
                entries[count] = raw;
                pfns[count++] = entry.Pfn;
            }
        }

        return count == 0 ? [] : _tables.Read(pfns.AsSpan(0, count), RawFlags, entries.AsSpan(0, count));
    }

    private IEnumerable<FilePage> UnknownPages(PageCacheFile file)
    {
        ulong count = MachinePage.Ceiling(file.SizeBytes) / MachinePage.SizeBytes;
        for (ulong index = 0; index < count; index++)
        {
            if (!IsInRange(index) || Filter is not null)
            {
                continue;
            }

            _cancellation.ThrowIfCancellationRequested();
            yield return new FilePage(file.Path, index, isResident: null, default, frame: null);
        }
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Walks the pages of files and says which are in memory, and where. It brings no page in: files are mapped, not read,
/// mincore(2) says what is there, and only what is there is looked at. A page that is dropped in the instant between
/// the question and the look would be read again; there is no way to rule that out.
/// </summary>
public sealed class FilePageWalk : IDisposable
{
    /// <summary>What to tell a person, once, when it is not known of pages whether they are in memory.</summary>
    public const string SomeResidencyHidden =
        $"The kernel does not tell this user which pages of some files are in memory. {ResidencyHidden}";

    /// <summary>Why that is.</summary>
    internal const string ResidencyHidden = "Since Linux 5.2 the kernel tells it only to who owns a file or may write "
        + "it, or has CAP_FOWNER (run as root).";

    private readonly FilePageReader _reader;
    private readonly FrameTables? _tables;
    private readonly CancellationToken _cancellation;

    /// <summary>Prepares a walk.</summary>
    /// <param name="withFlags">Flags, map counts and cgroups of the frames are wanted; they take root.</param>
    /// <param name="files">Where the kernel's file systems are; the usual places when left out.</param>
    /// <param name="cancellation">Stops the walk.</param>
    /// <exception cref="MemProcException">ReadPageFlags: EACCES without root where flags are wanted.</exception>
    public FilePageWalk(bool withFlags = false, KernelFiles? files = null, CancellationToken cancellation = default)
    {
        files ??= KernelFiles.Default;
        _cancellation = cancellation;
        _tables = withFlags ? new FrameTables(files: files) : null;
        _reader = new FilePageReader(files, cancellation);
    }

    /// <summary>Pages that are not in memory, or not known to be, are wanted too.</summary>
    public bool IncludeAbsent { get; init; }

    /// <summary>The pages of a file in order.</summary>
    /// <param name="path">The file; a symbolic link is followed.</param>
    /// <exception cref="MemProcException">
    /// ReadFilePages: the file cannot be opened or mapped; EPERM where the kernel does not tell what is in memory,
    /// unless pages of which it is not known are wanted. ReadPageFlags failed.
    /// </exception>
    public IEnumerable<FilePage> Pages(string path)
    {
        using PageCacheFile file = _reader.Open(path);
        IEnumerable<FilePage> pages = file.IsTold ? Known(file)
            : IncludeAbsent ? Unknown(file)
            : throw file.NotTold();
        foreach (FilePage page in pages)
        {
            yield return page;
        }
    }

    /// <summary>Counts the flags of the frames that hold pages of a file.</summary>
    /// <param name="path">The file; a symbolic link is followed.</param>
    /// <param name="filter">Which frames count.</param>
    /// <param name="counts">Where they are counted.</param>
    /// <inheritdoc cref="Pages" path="/exception"/>
    public void Count(string path, FrameFilter filter, PageFlagsCounter counts)
    {
        foreach (FilePage page in Pages(path))
        {
            if (page.RawFlags is ulong word && (filter.CgroupInode is null || page.CgroupInode == filter.CgroupInode))
            {
                counts.Add(new KernelPageWord(word), page.Word);
            }
        }
    }

    /// <summary>How much of a file is in memory.</summary>
    /// <inheritdoc cref="Pages" path="/param"/>
    /// <exception cref="MemProcException">ReadFilePages: the file cannot be opened or mapped.</exception>
    public FilePageSummary Summarize(string path)
    {
        using PageCacheFile file = _reader.Open(path);
        if (!file.IsTold)
        {
            return new FilePageSummary(path, file.SizeBytes);
        }

        // The file may grow or shrink meanwhile; the answer is for the size that it had.
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
        return new FilePageSummary(path, size)
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

    private IEnumerable<FilePage> Known(PageCacheFile file)
    {
        foreach (FilePageWindow window in _reader.Read(file, withFrames: true, withEmpty: IncludeAbsent))
        {
            // The window is unmapped by now, so that the look itself counts as no mapping.
            PageFlags?[] frames = ReadFrames(window);
            for (int page = 0, frame = 0; page < window.Residency.Length; page++)
            {
                bool isResident = window.Residency.Span[page] != 0;
                if (!isResident && !IncludeAbsent)
                {
                    continue;
                }

                PageMapWord word = new(window.Words.IsEmpty ? 0 : window.Words.Span[page]);
                PageFlags? flags = IsFrameKnown(word) && frames.Length > 0 ? frames[frame++] : null;
                yield return new FilePage(file.Path, window.FirstPage + (ulong)page, isResident, word, flags);
            }
        }
    }

    private static bool IsFrameKnown(PageMapWord word) => word.IsPresent && !word.IsPfnHidden;

    private PageFlags?[] ReadFrames(FilePageWindow window)
    {
        if (_tables is null)
        {
            return [];
        }

        ulong[] pfns = new ulong[window.Words.Length];
        int count = 0;
        foreach (ulong raw in window.Words.Span)
        {
            PageMapWord word = new(raw);
            if (IsFrameKnown(word))
            {
                pfns[count++] = word.Pfn;
            }
        }

        return count == 0 ? [] : _tables.Read(pfns.AsSpan(0, count), raw: false);
    }

    private IEnumerable<FilePage> Unknown(PageCacheFile file)
    {
        ulong count = MachinePage.Ceiling(file.SizeBytes) / MachinePage.SizeBytes;
        for (ulong index = 0; index < count; index++)
        {
            _cancellation.ThrowIfCancellationRequested();
            yield return new FilePage(file.Path, index, isResident: null, default, frame: null);
        }
    }
}

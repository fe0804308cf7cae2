using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Drops the pages of files from the page cache (POSIX_FADV_DONTNEED). No data is lost: the kernel keeps pages that are not
/// written back, and pages that a process maps.
/// </summary>
public sealed class FilePageClearer : IDisposable
{
    private readonly FilePageReader _reader;

    /// <summary>Prepares the work.</summary>
    /// <param name="files">Where procfs is; the usual place when left out.</param>
    /// <param name="cancellation">Stops the measurement of a file.</param>
    public FilePageClearer(KernelFiles? files = null, CancellationToken cancellation = default) =>
        _reader = new FilePageReader(files ?? KernelFiles.Default, cancellation);

    /// <summary>Opens a file, and finds what is in memory.</summary>
    /// <param name="path">The file; a symbolic link is followed.</param>
    /// <exception cref="MemProcException">ReadFilePages: the file cannot be opened or mapped.</exception>
    public PlannedFilePageClear Plan(string path)
    {
        PageCacheFile file = _reader.Open(path);
        try
        {
            return new PlannedFilePageClear(_reader, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();
}

/// <summary>A file whose pages have not been dropped yet. It is open.</summary>
public sealed class PlannedFilePageClear : IDisposable
{
    private readonly FilePageReader _reader;
    private readonly PageCacheFile _file;
    private readonly CachedBytes _before;

    internal PlannedFilePageClear(FilePageReader reader, PageCacheFile file)
    {
        _reader = reader;
        _file = file;
        _before = Measure();
    }

    /// <summary>Bytes in memory, in whole pages; null where the kernel does not report them to this user.</summary>
    public ulong? ResidentBytes => _before.Resident;

    /// <summary>Bytes that are not written back yet; null before Linux 6.5 and like <see cref="ResidentBytes"/>.</summary>
    public ulong? DirtyBytes => _before.Dirty;

    /// <summary>Describes the work in a phrase, for a prompt.</summary>
    /// <param name="sync">Changed pages are written back first.</param>
    public string Describe(bool sync)
    {
        string what = ResidentBytes is ulong bytes ? HumanSize.Format(bytes) : "an unknown number of bytes";
        string dirty = sync ? ", after its changed pages are written back"
            : DirtyBytes > 0 ? $"; {HumanSize.Format(DirtyBytes.Value)} that are not written back stay"
            : string.Empty;
        return $"Drop {what} of {SafeText.Escape(_file.Path)} from the page cache{dirty}";
    }

    /// <summary>Drops the pages.</summary>
    /// <param name="sync">Write changed pages back first.</param>
    /// <exception cref="MemProcException">ClearFilePages: the pages cannot be written back or dropped.</exception>
    public FilePageClear Clear(bool sync)
    {
        Errno errno = sync ? _file.Synchronize() : Errno.None;
        if (errno != Errno.None)
        {
            throw Failure(errno, "its changed pages cannot be written back");
        }

        errno = _file.DropPages();
        return errno == Errno.None
            ? new FilePageClear(_file.Path, _file.SizeBytes, _before, Measure())
            : throw Failure(errno, "its pages cannot be dropped");
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private MemProcException Failure(Errno errno, string what) => new(Operation.ClearFilePages, errno,
        $"{SafeText.Escape(_file.Path)}: {what}: {ErrnoException.Describe(errno)} ({errno}).", _file.Path);

    private CachedBytes Measure()
    {
        if (!_file.IsResidencyVisible)
        {
            return default;
        }

        ulong pages = 0;
        foreach (FilePageWindow window in _reader.Read(_file, withFrames: false, withEmpty: false))
        {
            pages += (ulong)window.Residency.Span.Count((byte)1);
        }

        CacheCounts? counts = _file.Count(0, 0);
        return new CachedBytes(pages * MachinePage.SizeBytes, (counts?.Dirty + counts?.Writeback) * MachinePage.SizeBytes);
    }
}

/// <summary>Bytes of a file in the page cache; null where the kernel does not report them.</summary>
/// <param name="Resident">In memory.</param>
/// <param name="Dirty">Not written back yet.</param>
internal readonly record struct CachedBytes(ulong? Resident, ulong? Dirty);

/// <summary>A file whose pages were dropped from the page cache. What the kernel does not report to this user is null.</summary>
public sealed class FilePageClear
{
    private readonly CachedBytes _before;
    private readonly CachedBytes _after;

    internal FilePageClear(string path, ulong sizeBytes, CachedBytes before, CachedBytes after)
    {
        Path = path;
        SizeBytes = sizeBytes;
        _before = before;
        _after = after;
    }

    /// <summary>Path of the file.</summary>
    public string Path { get; }

    /// <summary>Size of the file in bytes.</summary>
    public ulong SizeBytes { get; }

    /// <summary>Bytes in memory before, in whole pages.</summary>
    public ulong? ResidentBytesBefore => _before.Resident;

    /// <summary>Bytes in memory afterwards: mapped pages, pages that are not written back, and those that were read meanwhile.</summary>
    public ulong? ResidentBytesAfter => _after.Resident;

    /// <summary>Bytes not written back yet before (Linux 6.5).</summary>
    public ulong? DirtyBytesBefore => _before.Dirty;

    /// <summary>Bytes not written back yet afterwards (Linux 6.5).</summary>
    public ulong? DirtyBytesAfter => _after.Dirty;

    /// <summary>Returns the file and how much of it is in memory now.</summary>
    public override string ToString() =>
        $"{SafeText.Escape(Path)}: {(ResidentBytesAfter is ulong resident ? HumanSize.Format(resident) : "?")} of {HumanSize.Format(SizeBytes)}";
}

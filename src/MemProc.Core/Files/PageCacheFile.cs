using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// A regular file whose cached pages are queried. It is opened once, without an update of its access time where that is
/// allowed, and never read: not by read(2), and through a mapping only where the page is already in memory.
/// </summary>
internal sealed class PageCacheFile : IDisposable
{
    /// <summary>
    /// Distance after the end of the file at which nothing can be in memory: more than the largest folio.
    /// </summary>
    private const ulong MaxFolioReach = 1UL << 30;

    private readonly SafeFileHandle _file;
    private readonly bool _isOpenForReading;
    private bool _canCount = true;

    private PageCacheFile(string path, SafeFileHandle file, bool isOpenForReading)
    {
        Path = path;
        _file = file;
        _isOpenForReading = isOpenForReading;
    }

    /// <summary>The path by which it was opened.</summary>
    public string Path { get; }

    /// <summary>Size of the file in bytes when it was last read.</summary>
    public ulong SizeBytes { get; private set; }

    /// <summary>Its status when it was last read: inode, device, times.</summary>
    public FileStatus Status { get; private set; }

    /// <summary>
    /// Whether the kernel reports to this user what is in memory. Since Linux 5.2 this requires ownership or write
    /// permission; for others every page is reported as in memory.
    /// </summary>
    public bool IsResidencyVisible { get; private set; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">The path; a symbolic link is followed.</param>
    /// <param name="isHugeDevice">Returns whether a device is a hugetlbfs.</param>
    /// <exception cref="MemProcException">
    /// ReadFilePages: ENOENT, EACCES, ENODEV where the file system does not support mmap, EOPNOTSUPP for files of
    /// hugetlb pages, EINVAL where it is not a regular file.
    /// </exception>
    public static PageCacheFile Open(string path, Func<uint, uint, bool> isHugeDevice)
    {
        Errno errno = Libc.TryStatX(null, path, out FileStatus status);
        ThrowIfUnsupported(path, errno, status);
        // An empty file has no pages. Those of the kernel's file systems look like one, and opening them can have effects.
        bool isEmpty = status.SizeBytes == 0;
        FileRefusal? refusal = CheckedFile.TryOpen(
            path, isEmpty ? OpenAccess.PathOnly : OpenAccess.ReadNoAccessTime, out CheckedFile? opened);
        if (refusal?.Errno == Errno.EPERM)
        {
            refusal = CheckedFile.TryOpen(path, OpenAccess.ReadChecked, out opened);
        }

        if (opened is null)
        {
            throw refusal is { IsOtherKind: true } ? NotRegular(path) : Failure(path, refusal!.Value.Errno, refusal.Value.Reason);
        }

        PageCacheFile file = new(path, opened.Handle, !isEmpty);
        try
        {
            file.Begin(isHugeDevice);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads the size again: a file can grow and shrink at any time.</summary>
    public void Refresh()
    {
        ThrowIfUnsupported(Path, Libc.TryStatX(_file, out FileStatus status), status);
        Status = status;
        SizeBytes = _isOpenForReading ? status.SizeBytes : 0;
    }

    /// <summary>
    /// Returns the number of cached pages by cachestat(2); null where the kernel does not have it (before Linux 6.5).
    /// </summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes; 0: up to the end.</param>
    public CacheCounts? Count(ulong offset, ulong length)
    {
        if (!_isOpenForReading)
        {
            return default(CacheCounts);
        }

        if (!_canCount)
        {
            return null;
        }

        _canCount = Libc.TryCacheStat(_file, new CacheRange { Offset = offset, Length = length },
            out CacheCounts counts) == Errno.None;
        return _canCount ? counts : null;
    }

    /// <summary>Waits until changed pages are on the device.</summary>
    public Errno Synchronize() => _isOpenForReading ? Libc.TryFSync(_file) : Errno.None;

    /// <summary>Drops the clean pages that no process maps.</summary>
    public Errno DropPages() => _isOpenForReading ? Libc.TryDropPages(_file) : Errno.None;

    /// <summary>Maps a part of the file for queries.</summary>
    /// <param name="offset">First byte, page-aligned.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="MemProcException">It cannot be mapped.</exception>
    public SafeMapping Map(ulong offset, ulong length)
    {
        Errno errno = Libc.TryMapFile(_file, offset, length, out SafeMapping? mapping);
        return mapping ?? throw Failure(errno, errno == Errno.ENODEV
            ? "its file system does not support mmap, so its pages cannot be queried"
            : "cannot be mapped");
    }

    /// <summary>Creates the error for something that failed with the file.</summary>
    public MemProcException Failure(Errno errno, string what) => Failure(Path, errno, what);

    /// <summary>Creates the error for a user to whom the kernel does not report what is in memory.</summary>
    public MemProcException ResidencyUnknown() => new(Operation.ReadFilePages, Errno.EPERM,
        $"{SafeText.Escape(Path)}: it is unknown which of its pages are in memory. {FilePageWalk.ResidencyHidden}",
        Path);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static MemProcException Failure(string path, Errno errno, string what) => new(Operation.ReadFilePages, errno,
        $"{SafeText.Escape(path)}: {what}: {ErrnoException.Describe(errno)} ({errno})."
        + (errno is Errno.EACCES or Errno.EPERM ? " Requires read permission on the file." : string.Empty), path);

    private static void ThrowIfUnsupported(string path, Errno errno, in FileStatus status)
    {
        if (errno != Errno.None)
        {
            throw Failure(path, errno, "cannot be opened");
        }

        if (!status.IsRegular)
        {
            throw NotRegular(path);
        }
    }

    private static MemProcException NotRegular(string path) =>
        new(Operation.ReadFilePages, Errno.EINVAL, $"{SafeText.Escape(path)} is not a regular file.", path);

    private void Begin(Func<uint, uint, bool> isHugeDevice)
    {
        Refresh();
        FileStatus status = Status;
        if (isHugeDevice(status.DeviceMajor, status.DeviceMinor)
            || Libc.TryCacheStat(_file, default, out _) == Errno.EOPNOTSUPP)
        {
            // For these, mincore(2) reports only what this process has touched.
            throw new MemProcException(Operation.ReadFilePages, Errno.EOPNOTSUPP, $"{SafeText.Escape(Path)} consists of "
                + "hugetlb pages: they are not in the page cache, and the kernel does not report which are in memory.",
                Path);
        }

        IsResidencyVisible = SizeBytes == 0 || CanSeeResidency();
    }

    /// <summary>
    /// Queries a page that cannot be in memory: where it is reported as in memory, every page is.
    /// </summary>
    private bool CanSeeResidency()
    {
        using SafeMapping mapping = Map(MachinePage.Ceiling(SizeBytes) + MaxFolioReach, MachinePage.SizeBytes);
        Span<byte> page = stackalloc byte[1];
        return Libc.TryMinCore(mapping, page) == Errno.None && page[0] == 0;
    }
}

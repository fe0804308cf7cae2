using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// A regular file whose pages in memory are asked for. It is opened once, without a trace where that is allowed, and
/// never read: not by read(2), and not through a mapping either unless the page is in memory already.
/// </summary>
internal sealed class PageCacheFile : IDisposable
{
    /// <summary>
    /// How far behind the end of the file nothing can be in memory: further than the largest folio reaches.
    /// </summary>
    private const ulong FarBehind = 1UL << 30;

    private readonly SafeFileHandle _file;
    private bool _canCount = true;

    private PageCacheFile(string path, SafeFileHandle file)
    {
        Path = path;
        _file = file;
    }

    /// <summary>The path that it was opened by.</summary>
    public string Path { get; }

    /// <summary>Bytes in the file when it was last asked.</summary>
    public ulong SizeBytes { get; private set; }

    /// <summary>
    /// Whether the kernel tells this user what is in memory. Since Linux 5.2 only who owns the file or may write it
    /// is told; others are told that everything is.
    /// </summary>
    public bool IsTold { get; private set; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">The path; a symbolic link is followed.</param>
    /// <param name="isHugeDevice">Whether a device holds a hugetlbfs.</param>
    /// <exception cref="MemProcException">
    /// ReadFilePages: ENOENT, EACCES, ENODEV where the file system maps no files, EOPNOTSUPP for files of hugetlb
    /// pages, EINVAL for what is no regular file.
    /// </exception>
    public static PageCacheFile Open(string path, Func<uint, uint, bool> isHugeDevice)
    {
        // Looked at before it is opened: opening alone can do things to a device.
        Errno errno = Libc.TryStatX(null, path, out FileStatus status);
        ThrowIfUnfit(path, errno, status);
        errno = Libc.TryOpenAt(null, path, OpenAccess.ReadWithoutTrace, out SafeFileHandle? handle);
        if (errno == Errno.EPERM)
        {
            errno = Libc.TryOpenAt(null, path, OpenAccess.ReadWithoutWaiting, out handle);
        }

        ThrowIfUnfit(path, errno, status);
        PageCacheFile file = new(path, handle!);
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

    /// <summary>Asks for the size again: a file can grow and shrink at any time.</summary>
    public void Refresh()
    {
        ThrowIfUnfit(Path, Libc.TryStatX(_file, out FileStatus status), status);
        SizeBytes = status.SizeBytes;
    }

    /// <summary>
    /// Counts pages in the cache without a look at each, null where this kernel does not (before Linux 6.5).
    /// </summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes; 0: to the end.</param>
    public CacheCounts? Count(ulong offset, ulong length)
    {
        if (!_canCount)
        {
            return null;
        }

        _canCount = Libc.TryCacheStat(_file, new CacheRange { Offset = offset, Length = length },
            out CacheCounts counts) == Errno.None;
        return _canCount ? counts : null;
    }

    /// <summary>Maps a part of the file for being asked about.</summary>
    /// <param name="offset">First byte, page-aligned.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="MemProcException">It cannot be mapped.</exception>
    public SafeMapping Map(ulong offset, ulong length)
    {
        Errno errno = Libc.TryMapFile(_file, offset, length, out SafeMapping? mapping);
        return mapping ?? throw Failure(errno, errno == Errno.ENODEV
            ? "its file system maps no files, so no page of it can be asked for"
            : "cannot be mapped");
    }

    /// <summary>The exception for something that failed with the file.</summary>
    public MemProcException Failure(Errno errno, string what) => Failure(Path, errno, what);

    /// <summary>The exception for a user whom the kernel does not tell what is in memory.</summary>
    public MemProcException NotTold() => new(Operation.ReadFilePages, Errno.EPERM,
        $"{SafeText.Escape(Path)}: which of its pages are in memory is not known. {FilePageWalk.ResidencyHidden}",
        Path);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static MemProcException Failure(string path, Errno errno, string what) => new(Operation.ReadFilePages, errno,
        $"{SafeText.Escape(path)}: {what}: {ErrnoException.Describe(errno)} ({errno})."
        + (errno is Errno.EACCES or Errno.EPERM ? " It takes the right to read the file." : string.Empty), path);

    private static void ThrowIfUnfit(string path, Errno errno, in FileStatus status)
    {
        if (errno != Errno.None)
        {
            throw Failure(path, errno, "cannot be opened");
        }

        if (!status.IsRegular)
        {
            throw new MemProcException(Operation.ReadFilePages, Errno.EINVAL, $"{SafeText.Escape(path)} is no regular file.", path);
        }
    }

    private void Begin(Func<uint, uint, bool> isHugeDevice)
    {
        ThrowIfUnfit(Path, Libc.TryStatX(_file, out FileStatus status), status);
        SizeBytes = status.SizeBytes;
        if (isHugeDevice(status.DeviceMajor, status.DeviceMinor)
            || Libc.TryCacheStat(_file, default, out _) == Errno.EOPNOTSUPP)
        {
            // mincore(2) says of them only what this process itself has touched.
            throw new MemProcException(Operation.ReadFilePages, Errno.EOPNOTSUPP, $"{SafeText.Escape(Path)} is made of hugetlb "
                + "pages: they are no page cache, and the kernel does not tell which are there.", Path);
        }

        IsTold = SizeBytes == 0 || IsTruthTold();
    }

    /// <summary>
    /// Asks about a page that cannot be in memory: who is told that it is, is told so of every page.
    /// </summary>
    private bool IsTruthTold()
    {
        using SafeMapping mapping = Map(MachinePage.Ceiling(SizeBytes) + FarBehind, MachinePage.SizeBytes);
        Span<byte> page = stackalloc byte[1];
        return Libc.TryMinCore(mapping, page) == Errno.None && page[0] == 0;
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Reads which pages of files are in memory, window by window, so that a file of any size needs the memory of one
/// window. A window is mapped, queried and unmapped. Only pages that are already in memory are faulted in, so that the
/// page table shows their frames.
/// </summary>
/// <param name="files">Where procfs is.</param>
/// <param name="cancellation">Stops the reading.</param>
internal sealed class FilePageReader(KernelFiles files, CancellationToken cancellation) : IDisposable
{
    /// <summary>Pages in a window: as many as the frame tables accept at once.</summary>
    private const int WindowPages = FrameTables.BatchFrames;

    /// <summary>Windows that are checked together for cached pages, to skip gigabytes of a hole.</summary>
    private const ulong WindowsPerGroup = 64;

    private const ulong HiddenFrame = 1UL << 63;

    private static readonly ulong WindowBytes = WindowPages * MachinePage.SizeBytes;

    private readonly byte[] _residency = new byte[WindowPages];
    private readonly ulong[] _entries = new ulong[WindowPages];
    private readonly ulong[] _addresses = new ulong[OwnPages.Batch];
    private readonly LinuxProcess _self = LinuxProcess.OpenSelf(files);
    private PageMapReader? _pageMap;
    private bool _areFramesHidden;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The path.</param>
    public PageCacheFile Open(string path) =>
        PageCacheFile.Open(path, (major, minor) => _self.HugeTlbDevices.Value.Contains((major, minor)));

    /// <summary>
    /// Returns the windows of a file, up to its size when it was opened, or less where it shrinks meanwhile.
    /// </summary>
    /// <param name="file">The file; the kernel must report its residency.</param>
    /// <param name="withFrames">Whether to read frames too.</param>
    /// <param name="withEmpty">Whether to return windows without pages in memory.</param>
    /// <param name="start">Windows before the one with this byte are left out.</param>
    /// <param name="end">Pages from this byte on are left out.</param>
    /// <exception cref="MemProcException">ReadFilePages failed.</exception>
    public IEnumerable<FilePageWindow> Read(
        PageCacheFile file, bool withFrames, bool withEmpty, ulong start = 0, ulong end = ulong.MaxValue)
    {
        ulong size = Math.Min(file.SizeBytes, end);
        bool isGroupEmpty = false;
        ulong firstWindow = start / WindowBytes;
        for (ulong window = firstWindow; window * WindowBytes < size; window++)
        {
            ulong offset = window * WindowBytes;
            cancellation.ThrowIfCancellationRequested();
            file.Refresh();
            size = Math.Min(size, file.SizeBytes);
            if (offset >= size)
            {
                yield break;
            }

            int pages = (int)Math.Min(MachinePage.Ceiling(size - offset) / MachinePage.SizeBytes, WindowPages);
            if (window % WindowsPerGroup == 0 || window == firstWindow)
            {
                isGroupEmpty = IsEmpty(file, offset, WindowsPerGroup - window % WindowsPerGroup);
            }

            ulong first = window * WindowPages;
            if (isGroupEmpty || IsEmpty(file, offset, 1))
            {
                if (withEmpty)
                {
                    _residency.AsSpan(0, pages).Clear();
                    yield return new FilePageWindow(first, _residency.AsMemory(0, pages), default);
                }

                continue;
            }

            Query(file, offset, pages, withFrames);
            yield return new FilePageWindow(first, _residency.AsMemory(0, pages), _entries.AsMemory(0, pages));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _self.Dispose();

    /// <summary>
    /// Returns whether no page of some windows is in memory; false where only a query of each page can tell. A page in
    /// swap can be in memory at the same time, and counts as evicted.
    /// </summary>
    private static bool IsEmpty(PageCacheFile file, ulong offset, ulong windows) =>
        file.Count(offset, windows * WindowBytes) is { Cached: 0, Evicted: 0 };

    private void Query(PageCacheFile file, ulong offset, int pages, bool withFrames)
    {
        using SafeMapping mapping = file.Map(offset, (ulong)pages * MachinePage.SizeBytes);
        // With this advice a fault reads nothing ahead, and does not mark pages as recently used.
        Libc.TryAdvise(mapping, MemoryAdvice.Random);
        Span<byte> residency = _residency.AsSpan(0, pages);
        Errno errno = Libc.TryMinCore(mapping, residency);
        if (errno != Errno.None)
        {
            throw file.Failure(errno, "cannot read which pages are in memory");
        }

        Span<ulong> entries = _entries.AsSpan(0, pages);
        entries.Clear();
        if (!withFrames || !residency.Contains((byte)1))
        {
            return;
        }

        if (!_areFramesHidden)
        {
            FaultIn(file, mapping, residency);
            ReadFrames(mapping, residency, entries);
        }

        if (_areFramesHidden)
        {
            for (int page = 0; page < pages; page++)
            {
                entries[page] = residency[page] * HiddenFrame;
            }
        }
    }

    /// <summary>Faults in the pages that are in memory, and no others.</summary>
    private void FaultIn(PageCacheFile file, SafeMapping mapping, ReadOnlySpan<byte> residency)
    {
        int count = 0;
        for (int page = 0; page < residency.Length; page++)
        {
            if (residency[page] == 0)
            {
                continue;
            }

            _addresses[count++] = mapping.Address + (ulong)page * MachinePage.SizeBytes;
            if (count == _addresses.Length)
            {
                FaultIn(file, _addresses);
                count = 0;
            }
        }

        FaultIn(file, _addresses.AsSpan(0, count));
    }

    private void FaultIn(PageCacheFile file, ReadOnlySpan<ulong> addresses)
    {
        while (!addresses.IsEmpty)
        {
            cancellation.ThrowIfCancellationRequested();
            Errno errno = OwnPages.TryFaultIn(addresses, out int read);
            if (errno is not (Errno.None or Errno.EFAULT))
            {
                throw file.Failure(errno, "cannot read the frames of its pages, since this process may not call "
                    + "process_vm_writev on itself");
            }

            // The page at which it stopped is after the file's new end, or has a hardware error: it is skipped.
            addresses = addresses[Math.Min(read + 1, addresses.Length)..];
        }
    }

    private void ReadFrames(SafeMapping mapping, ReadOnlySpan<byte> residency, Span<ulong> entries)
    {
        _pageMap ??= new PageMapReader(_self, cancellation);
        ulong end = mapping.Address + (ulong)entries.Length * MachinePage.SizeBytes;
        foreach (PageMapRange pages in _pageMap.ReadAll(mapping.Address, end))
        {
            int first = (int)((pages.Address - mapping.Address) / MachinePage.SizeBytes);
            pages.Entries.Span.CopyTo(entries[first..]);
        }

        for (int page = 0; page < entries.Length; page++)
        {
            RawPageMapEntry entry = new(entries[page]);
            _areFramesHidden |= entry.IsPfnHidden;
            // A fault also maps neighbors that came into memory after the query; they are left out.
            entries[page] = entry.IsPresent && residency[page] != 0 ? entries[page] : 0;
        }
    }
}

/// <summary>What is known of consecutive pages of a file. The next window overwrites the memory.</summary>
/// <param name="FirstPage">Index of the first page.</param>
/// <param name="Residency">A byte for each page: 1 where it is in memory.</param>
/// <param name="Entries">The pagemap entry of each page where frames were requested; 0 where it has no frame.</param>
internal readonly record struct FilePageWindow(
    ulong FirstPage, ReadOnlyMemory<byte> Residency, ReadOnlyMemory<ulong> Entries);

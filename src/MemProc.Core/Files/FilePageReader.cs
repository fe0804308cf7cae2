using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Asks for the pages of files, window by window, so that a file of any size takes the memory of one window. A window
/// is mapped, asked about and unmapped; only pages that are in memory already are let into the page table, where their
/// frames can be read.
/// </summary>
/// <param name="files">Where procfs is.</param>
/// <param name="cancellation">Stops the reading.</param>
internal sealed class FilePageReader(KernelFiles files, CancellationToken cancellation) : IDisposable
{
    /// <summary>Pages in a window: as many as the frame tables take at once.</summary>
    private const int WindowPages = FrameTables.BatchFrames;

    /// <summary>Windows that are asked about together, whether anything is in them: gigabytes of a hole.</summary>
    private const ulong WindowsPerGroup = 64;

    private const ulong HiddenFrame = 1UL << 63;

    private static readonly ulong WindowBytes = WindowPages * MachinePage.SizeBytes;

    private readonly byte[] _residency = new byte[WindowPages];
    private readonly ulong[] _words = new ulong[WindowPages];
    private readonly ulong[] _wanted = new ulong[OwnPages.Batch];
    private readonly LinuxProcess _self = LinuxProcess.Open(Environment.ProcessId, files: files);
    private PageMapReader? _pageMap;
    private bool _areFramesHidden;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The path.</param>
    public PageCacheFile Open(string path) =>
        PageCacheFile.Open(path, (major, minor) => _self.HugeTlbDevices.Value.Contains((major, minor)));

    /// <summary>
    /// The windows of a file, as long as it was when it was opened, or shorter where it shrinks meanwhile.
    /// </summary>
    /// <param name="file">The file; it has to be one whose residency is told.</param>
    /// <param name="withFrames">Frames are wanted too.</param>
    /// <param name="withEmpty">Windows in which no page is in memory are wanted too.</param>
    /// <exception cref="MemProcException">ReadFilePages failed.</exception>
    public IEnumerable<FilePageWindow> Read(PageCacheFile file, bool withFrames, bool withEmpty)
    {
        ulong size = file.SizeBytes;
        bool isGroupEmpty = false;
        for (ulong window = 0; window * WindowBytes < size; window++)
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
            if (window % WindowsPerGroup == 0)
            {
                isGroupEmpty = IsEmpty(file, offset, WindowsPerGroup);
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

            Ask(file, offset, pages, withFrames);
            yield return new FilePageWindow(first, _residency.AsMemory(0, pages), _words.AsMemory(0, pages));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _self.Dispose();

    /// <summary>
    /// Whether nothing of a stretch is in memory; no, where that is not known without a look at each page. What is in
    /// swap may be in memory at the same time, and counts as dropped.
    /// </summary>
    private static bool IsEmpty(PageCacheFile file, ulong offset, ulong windows) =>
        file.Count(offset, windows * WindowBytes) is { Cached: 0, Evicted: 0 };

    private void Ask(PageCacheFile file, ulong offset, int pages, bool withFrames)
    {
        using SafeMapping mapping = file.Map(offset, (ulong)pages * MachinePage.SizeBytes);
        // A fault reads nothing ahead then, and leaves pages as recently used as they were.
        Libc.TryAdvise(mapping, MemoryAdvice.Random);
        Span<byte> residency = _residency.AsSpan(0, pages);
        Errno errno = Libc.TryMinCore(mapping, residency);
        if (errno != Errno.None)
        {
            throw file.Failure(errno, "its pages cannot be asked for");
        }

        Span<ulong> words = _words.AsSpan(0, pages);
        words.Clear();
        if (!withFrames || !residency.Contains((byte)1))
        {
            return;
        }

        if (!_areFramesHidden)
        {
            FaultIn(file, mapping, residency);
            ReadFrames(mapping, residency, words);
        }

        if (_areFramesHidden)
        {
            for (int page = 0; page < pages; page++)
            {
                words[page] = residency[page] * HiddenFrame;
            }
        }
    }

    /// <summary>Lets the pages that are in memory into the page table, and no others.</summary>
    private void FaultIn(PageCacheFile file, SafeMapping mapping, ReadOnlySpan<byte> residency)
    {
        int count = 0;
        for (int page = 0; page < residency.Length; page++)
        {
            if (residency[page] == 0)
            {
                continue;
            }

            _wanted[count++] = mapping.Address + (ulong)page * MachinePage.SizeBytes;
            if (count == _wanted.Length)
            {
                FaultIn(file, _wanted);
                count = 0;
            }
        }

        FaultIn(file, _wanted.AsSpan(0, count));
    }

    private void FaultIn(PageCacheFile file, ReadOnlySpan<ulong> wanted)
    {
        while (!wanted.IsEmpty)
        {
            cancellation.ThrowIfCancellationRequested();
            Errno errno = OwnPages.TryFaultIn(wanted, out int read);
            if (errno is not (Errno.None or Errno.EFAULT))
            {
                throw file.Failure(errno, "the frames of its pages cannot be had, since this process may not call "
                    + "process_vm_writev for itself");
            }

            // The page that stopped it is behind the file's new end, or has an error in hardware: it stays out.
            wanted = wanted[Math.Min(read + 1, wanted.Length)..];
        }
    }

    private void ReadFrames(SafeMapping mapping, ReadOnlySpan<byte> residency, Span<ulong> words)
    {
        _pageMap ??= new PageMapReader(_self, cancellation);
        ulong end = mapping.Address + (ulong)words.Length * MachinePage.SizeBytes;
        foreach (PageMapStretch stretch in _pageMap.ReadAll(mapping.Address, end))
        {
            int first = (int)((stretch.Address - mapping.Address) / MachinePage.SizeBytes);
            stretch.Words.Span.CopyTo(words[first..]);
        }

        for (int page = 0; page < words.Length; page++)
        {
            PageMapWord word = new(words[page]);
            _areFramesHidden |= word.IsPfnHidden;
            // Neighbours that came into memory meanwhile are let in along with a page; they were not asked for.
            words[page] = word.IsPresent && residency[page] != 0 ? words[page] : 0;
        }
    }
}

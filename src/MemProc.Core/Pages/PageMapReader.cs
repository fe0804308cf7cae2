using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>Words of a process' pagemap for a stretch of consecutive pages.</summary>
/// <param name="Address">Address of the first page.</param>
/// <param name="Words">The words; the memory is used again for the next stretch.</param>
public readonly record struct PageMapStretch(ulong Address, ReadOnlyMemory<ulong> Words);

/// <summary>
/// Reads <c>/proc/PID/pagemap</c> in large pieces into one buffer. PAGEMAP_SCAN (Linux 6.7) finds what is
/// populated, so that a reservation of terabytes costs what its touched pages cost; without it every page is read.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the reading.</param>
public sealed class PageMapReader(LinuxProcess process, CancellationToken cancellation = default)
{
    private const string Operation = "ReadPageMap";

    /// <summary>Words in one read: 512 KiB of them.</summary>
    private const int BatchPages = 64 * 1024;

    /// <summary>Reading a few empty words is cheaper than another system call.</summary>
    private const ulong BridgedPages = 128;
    private const int RegionCount = 512;

    private readonly ulong[] _words = new ulong[BatchPages];
    private readonly PageRegion[] _regions = new PageRegion[RegionCount];
    private bool _canScan = true;

    /// <summary>
    /// Stretches that hold every populated page of a range, in address order. They can hold empty pages too:
    /// ask <see cref="PageMapWord.IsPopulated"/>.
    /// </summary>
    /// <param name="start">First address, page-aligned.</param>
    /// <param name="end">First address behind the range, page-aligned.</param>
    /// <exception cref="MemProcException">
    /// ReadPageMap: EACCES without ptrace access; ESRCH where the process exits meanwhile.
    /// </exception>
    public IEnumerable<PageMapStretch> ReadPopulated(ulong start, ulong end)
    {
        // A handful of pages is read as quickly as it is scanned.
        return _canScan && (end - start) / MachinePage.SizeBytes > BridgedPages
            ? Scan(start, end)
            : ReadAll(start, end);
    }

    /// <summary>Stretches that hold every page of a range, empty ones too.</summary>
    /// <inheritdoc cref="ReadPopulated"/>
    public IEnumerable<PageMapStretch> ReadAll(ulong start, ulong end)
    {
        for (ulong at = start; at < end;)
        {
            cancellation.ThrowIfCancellationRequested();
            int pages = (int)Math.Min((end - at) / MachinePage.SizeBytes, BatchPages);
            int read = ReadWords(at, _words.AsSpan(0, pages));
            if (read == 0)
            {
                throw EndedEarly(at);
            }

            yield return new PageMapStretch(at, _words.AsMemory(0, read));
            at += (ulong)read * MachinePage.SizeBytes;
        }
    }

    private IEnumerable<PageMapStretch> Scan(ulong start, ulong end)
    {
        for (ulong at = start; at < end;)
        {
            cancellation.ThrowIfCancellationRequested();
            Errno errno = PageMapScan.TryFindPopulated(
                process.PageMap, at, end, _regions, out int count, out ulong walkEnd);
            if (errno == Errno.ENOTTY)
            {
                _canScan = false;
                foreach (PageMapStretch stretch in ReadAll(at, end))
                {
                    yield return stretch;
                }

                yield break;
            }

            if (errno != Errno.None)
            {
                throw process.Failure(Operation, errno, $"the pages from 0x{at:x} on cannot be scanned", at);
            }

            for (int index = 0; index < count;)
            {
                ulong from = _regions[index].Start;
                ulong to = _regions[index].End;
                for (index++; index < count
                    && _regions[index].Start - to <= BridgedPages * MachinePage.SizeBytes; index++)
                {
                    to = _regions[index].End;
                }

                foreach (PageMapStretch stretch in ReadAll(from, to))
                {
                    yield return stretch;
                }
            }

            if (walkEnd <= at)
            {
                throw EndedEarly(at);
            }

            at = walkEnd;
        }
    }

    private int ReadWords(ulong address, Span<ulong> words)
    {
        Errno errno = Libc.TryPRead(
            process.PageMap, MemoryMarshal.AsBytes(words), address / MachinePage.SizeBytes * sizeof(ulong), out int read);
        return errno == Errno.None
            ? read / sizeof(ulong)
            : throw process.Failure(Operation, errno, $"the pages from 0x{address:x} on cannot be read", address);
    }

    /// <summary>An end of file where pages are mapped: the process exited, or replaced its memory by exec.</summary>
    private MemProcException EndedEarly(ulong address) => process.Failure(
        Operation, Errno.EFAULT, $"has no page table at 0x{address:x} (any more)", address);
}

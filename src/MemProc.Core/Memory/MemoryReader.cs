using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>Reads memory of a process. What cannot be read becomes a gap with its reason.</summary>
public sealed class MemoryReader
{
    /// <summary>Maximum size of one block, in bytes.</summary>
    public const int MaxBlockBytes = 16 * 1024 * 1024;

    /// <summary>
    /// Preferred size of a buffer that is used repeatedly, in bytes: it stays in the processor's cache.
    /// </summary>
    public const int PreferredBufferBytes = 1024 * 1024;

    /// <summary>Maximum size of one system call, in bytes.</summary>
    private const int ChunkBytes = PreferredBufferBytes;

    /// <summary>How long a system call may take while the process is stopped: what it waits for may be the process.</summary>
    private static readonly TimeSpan StoppedTimeout = TimeSpan.FromSeconds(5);

    private readonly MemoryTarget _process;
    private readonly CancellationToken _cancellation;
    private readonly MemorySource _source;

    /// <summary>Creates a reader.</summary>
    /// <param name="process">The process.</param>
    /// <param name="method">How to read; Auto selects by a test.</param>
    /// <param name="cancellation">Stops the reads, within 200 ms even where one waits in the kernel.</param>
    public MemoryReader(MemoryTarget process, ReadMethod method, CancellationToken cancellation = default)
    {
        _process = process;
        _cancellation = cancellation;
        _source = MemorySource.Of(process, method, cancellation);
    }

    /// <summary>How memory is read; never Auto.</summary>
    public ReadMethod Method => _source.Method;

    /// <summary>
    /// Read only pages in memory, so that the read faults no page in; the rest becomes gaps of the kind NotResident. A
    /// page that is swapped out between the check of the page table and the read is still faulted in.
    /// </summary>
    public bool ResidentOnly
    {
        get => _source.ResidentOnly;
        init => _source.ResidentOnly = value;
    }

    /// <summary>
    /// Wait for pages that a handler of userfaultfd(2) supplies. Otherwise they become gaps of the kind Userfault, as
    /// they do in any case while the process is stopped and where <c>/proc/PID/mem</c> is read.
    /// </summary>
    public bool AllowUserfault
    {
        get => _source.AllowsUserfault;
        init => _source.AllowsUserfault = value;
    }

    private bool CanAbandon => _cancellation.CanBeCanceled || _process.IsStopped;

    /// <summary>Reads a range in blocks of at most <see cref="MaxBlockBytes"/>, each returned when it is full.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <param name="pointers">The pointers that led to the range; each block carries them.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EINVAL for an impossible range; EPERM without ptrace access; ESRCH where the process exits; ETIMEDOUT
    /// where a page does not arrive while the process is stopped.
    /// </exception>
    public IEnumerable<MemoryBlock> ReadBlocks(ulong address, ulong length, ulong[]? pointers = null)
    {
        ulong end = UserRange.End(address, length, Operation.ReadMemory);
        using ReadableRanges readable = ReadableBetween(address, end);
        for (ulong at = address; at < end;)
        {
            // A long gap, such as a reservation of terabytes, is one block without bytes.
            // Blocks end at a line of a hex dump, so that the next one begins with a whole line.
            int size = (int)Math.Min(end - at, MaxBlockBytes - at % HexDump.BytesPerLine);
            byte[] bytes = GC.AllocateUninitializedArray<byte>(size);
            List<MemoryGap> gaps = [];
            SortedSet<string> files = new(StringComparer.Ordinal);
            ulong covered = Abandonable(() => FillHere(at, bytes, readable, gaps, files));
            if (gaps is [{ } only] && only.Address == at && only.Length == covered)
            {
                bytes = [];
            }
            else if (covered > (ulong)size)
            {
                covered = (ulong)size;
                MemoryGap last = gaps[^1];
                gaps[^1] = last with { Length = at + covered - last.Address };
            }

            yield return new MemoryBlock(_process.Identity, at, covered, bytes, [.. gaps], Method)
            {
                Pointers = pointers ?? [],
                SourceFiles = [.. files],
            };
            at += covered;
        }
    }

    /// <summary>Reads a range in blocks. A range of which nothing can be read is an error.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <param name="pointers">The pointers that lead to the range, where it was found by them.</param>
    /// <param name="requireAll">Any gap is an error.</param>
    /// <inheritdoc cref="ReadBlocks" path="/exception"/>
    public IEnumerable<MemoryBlock> ReadReadableBlocks(
        ulong address, ulong length, ulong[]? pointers = null, bool requireAll = false)
    {
        foreach (MemoryBlock block in ReadBlocks(address, length, pointers))
        {
            // With ResidentOnly an empty block is a result: no page of the range is in memory.
            if (block.Gaps is [{ } gap, ..] && (requireAll
                || (block.Bytes.Length == 0 && block.Length == length && gap.Kind is not (MemoryGapKind.NotResident or MemoryGapKind.NotSaved))))
            {
                throw Unreadable(address, length, gap);
            }

            yield return block;
        }
    }

    /// <summary>Reads a range into a buffer.</summary>
    /// <param name="address">First address.</param>
    /// <param name="buffer">Receives the bytes; those in gaps are set to 0.</param>
    /// <returns>What could not be read, in address order.</returns>
    /// <inheritdoc cref="ReadBlocks" path="/exception"/>
    public IReadOnlyList<MemoryGap> Read(ulong address, Span<byte> buffer)
    {
        if (!CanAbandon)
        {
            return ReadHere(address, buffer);
        }

        // A read that is abandoned may still write to its buffer, which cannot be that of the caller.
        byte[] bytes = new byte[buffer.Length];
        IReadOnlyList<MemoryGap> gaps = Read(address, bytes.AsMemory());
        bytes.CopyTo(buffer);
        return gaps;
    }

    /// <summary>Reads a range into a buffer that nothing else uses after an exception.</summary>
    /// <inheritdoc cref="Read(ulong, Span{byte})"/>
    internal IReadOnlyList<MemoryGap> Read(ulong address, Memory<byte> buffer) =>
        Abandonable(() => ReadHere(address, buffer.Span));

    /// <summary>Reads a range on this thread, which can then wait without end.</summary>
    /// <inheritdoc cref="Read(ulong, Span{byte})"/>
    internal IReadOnlyList<MemoryGap> ReadHere(ulong address, Span<byte> buffer)
    {
        ulong end = UserRange.End(address, (ulong)buffer.Length, Operation.ReadMemory);
        List<MemoryGap> gaps = [];
        using ReadableRanges readable = ReadableBetween(address, end);
        FillHere(address, buffer, readable, gaps);
        return gaps;
    }

    /// <summary>
    /// Does work that consists of reads, on a thread that is abandoned where one of them waits and is canceled. Many
    /// small reads are faster in one piece of work than in many.
    /// </summary>
    /// <param name="work">The work. It must not use memory that the caller reuses after an exception.</param>
    /// <exception cref="MemProcException">ReadMemory, ETIMEDOUT: the process is stopped, and a read took too long.</exception>
    internal T Abandonable<T>(Func<T> work)
    {
        using PendingWork<T> pending = Begin(work);
        return Wait(pending);
    }

    private PendingWork<T> Begin<T>(Func<T> work) =>
        BlockingWork.Begin(work, _cancellation, _process.IsStopped ? StoppedTimeout : null);

    /// <summary>Waits for work that reads.</summary>
    /// <inheritdoc cref="Abandonable" path="/exception"/>
    internal T Wait<T>(PendingWork<T> pending)
    {
        try
        {
            return pending.Wait();
        }
        catch (TimeoutException)
        {
            throw _process.Failure(Operation.ReadMemory, Errno.ETIMEDOUT, "a page did not arrive within "
                + $"{StoppedTimeout.TotalSeconds} s while the process is stopped; the process may have to supply it itself");
        }
    }

    /// <summary>Reads a range that must be readable as a whole.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <exception cref="MemProcException">Part of the range cannot be read, or it does not fit an array.</exception>
    public byte[] ReadExactly(ulong address, ulong length)
    {
        byte[] bytes = AllocateBuffer(address, length);
        return Read(address, bytes.AsMemory()) is [{ } gap, ..] ? throw Unreadable(address, length, gap) : bytes;
    }

    /// <summary>Reads a string up to its first NUL; the bytes after it need not be readable.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Maximum number of bytes, at least 1.</param>
    /// <param name="encoding">Encoding of the bytes.</param>
    /// <exception cref="MemProcException">
    /// Part of the range before a NUL cannot be read, or it does not fit an array.
    /// </exception>
    public string ReadText(ulong address, ulong length, Encoding encoding) =>
        ReadText(address, length, encoding, out _);

    /// <summary>Reads a string, and returns whether it ended with a NUL.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Maximum number of bytes, at least 1.</param>
    /// <param name="encoding">Encoding of the bytes.</param>
    /// <param name="isEnded">A NUL was found; otherwise the string may continue after the range.</param>
    /// <inheritdoc cref="ReadText(ulong, ulong, Encoding)" path="/exception"/>
    public string ReadText(ulong address, ulong length, Encoding encoding, out bool isEnded)
    {
        (string text, isEnded) = Abandonable(() =>
            (ReadTextHere(address, length, encoding, out bool hasEnd), hasEnd));
        return text;
    }

    private string ReadTextHere(ulong address, ulong length, Encoding encoding, out bool isEnded)
    {
        ulong end = UserRange.End(address, length, Operation.ReadMemory);
        CheckBufferSize(address, length);
        Decoder decoder = encoding.GetDecoder();
        byte[] page = new byte[(int)Math.Min(length, MachinePage.SizeBytes)];
        char[] characters = new char[encoding.GetMaxCharCount(page.Length)];
        StringBuilder text = new();
        for (ulong at = address; at < end;)
        {
            // Page by page: pages after a NUL need not be readable, and are not read.
            Span<byte> chunk = page.AsSpan(0, (int)Math.Min(end - at, MachinePage.Floor(at) + MachinePage.SizeBytes - at));
            MemoryGap? gap = ReadHere(at, chunk) is [{ } first, ..] ? first : null;
            ReadOnlySpan<byte> known = gap is null ? chunk : chunk[..(int)(gap.Address - at)];
            at += (ulong)chunk.Length;
            int count = decoder.GetChars(known, characters, flush: gap is not null || at == end);
            int nul = characters.AsSpan(0, count).IndexOf('\0');
            isEnded = nul >= 0;
            text.Append(characters, 0, isEnded ? nul : count);
            if (isEnded)
            {
                return text.ToString();
            }

            if (gap is not null)
            {
                throw Unreadable(address, length, gap);
            }
        }

        isEnded = false;
        return text.ToString();
    }

    /// <summary>Creates the exception for a range that must be readable as a whole and has a gap.</summary>
    /// <param name="address">First address of the range.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="gap">The gap.</param>
    public MemProcException Unreadable(ulong address, ulong length, MemoryGap gap)
    {
        string part = gap.Length == length ? string.Empty : $", part of {HumanSize.Format(length)} at 0x{address:x},";
        string what = $"{HumanSize.Format(gap.Length)} at 0x{gap.Address:x}{part}";
        return gap.Kind == MemoryGapKind.NotResident
            ? _process.Failure(Operation.ReadMemory, Errno.ENODATA,
                $"{what} are not in memory, and only resident pages were requested", gap.Address)
            : gap.Kind == MemoryGapKind.Userfault
            ? _process.Failure(Operation.ReadMemory, Errno.EBUSY,
                $"{what} cannot be read before a userfaultfd handler supplies them (AllowUserfault waits for it)", gap.Address)
            : gap.Kind == MemoryGapKind.NotSaved
            ? _process.Failure(Operation.ReadMemory, Errno.ENODATA, $"{what} are not in the core", gap.Address)
            : _process.Failure(Operation.ReadMemory, gap.Errno, $"{what} cannot be read", gap.Address);
    }

    /// <summary>Returns which parts of a range are read, for calls of <see cref="Fill"/> in address order.</summary>
    internal ReadableRanges ReadableBetween(ulong start, ulong end) =>
        new(end, ResidentOnly ? _source.ResidentRanges(start, end) : null);

    /// <summary>
    /// Fills a buffer. A gap that begins in the buffer is followed to its end, at most to the end of the range.
    /// </summary>
    /// <returns>Bytes covered: the buffer's length, or more where a gap reaches beyond it.</returns>
    internal ulong Fill(ulong address, Memory<byte> buffer, ReadableRanges readable, List<MemoryGap> gaps) =>
        Abandonable(() => FillHere(address, buffer.Span, readable, gaps));

    /// <summary>Starts to fill a buffer. <see cref="Wait"/> returns the bytes covered.</summary>
    /// <inheritdoc cref="Fill"/>
    internal PendingWork<ulong> BeginFill(
        ulong address, Memory<byte> buffer, ReadableRanges readable, List<MemoryGap> gaps) =>
        Begin(() => FillHere(address, buffer.Span, readable, gaps));

    private ulong FillHere(
        ulong address, Span<byte> buffer, ReadableRanges readable, List<MemoryGap> gaps, SortedSet<string>? files = null)
    {
        ulong covered = 0;
        while (covered < (ulong)buffer.Length)
        {
            BlockingWork.CheckPoint();
            _cancellation.ThrowIfCancellationRequested();
            ulong at = address + covered;
            (ulong start, ulong end) = readable.From(at);
            if (start == at)
            {
                int size = (int)Math.Min(Math.Min((ulong)buffer.Length - covered, end - at), ChunkBytes);
                Span<byte> part = buffer.Slice((int)covered, size);
                Errno errno = _source.TryRead(at, part, files, out int read);
                covered += (ulong)read;
                if (read > 0)
                {
                    continue;
                }

                start = AddUnreadable(gaps, at, errno, readable.End);
            }
            else
            {
                AddNotResident(gaps, at, start);
            }

            int cleared = (int)Math.Min(start - at, (ulong)buffer.Length - covered);
            buffer.Slice((int)covered, cleared).Clear();
            covered += start - at;
        }

        return covered;
    }

    /// <summary>Allocates an array for a range; a range that exceeds an array is an error.</summary>
    private static byte[] AllocateBuffer(ulong address, ulong length)
    {
        CheckBufferSize(address, length);
        return new byte[(int)length];
    }

    private static void CheckBufferSize(ulong address, ulong length)
    {
        if (length > (ulong)Array.MaxLength)
        {
            throw new MemProcException(Operation.ReadMemory, Errno.EINVAL,
                $"{HumanSize.Format(length)} do not fit one array; read them into a file.", address);
        }
    }

    /// <summary>
    /// Adds the gap that begins where a read failed. Returns where to continue: after what is not mapped or not
    /// readable at all, otherwise at the next page.
    /// </summary>
    private ulong AddUnreadable(List<MemoryGap> gaps, ulong address, Errno errno, ulong limit)
    {
        ProcMap? map = MapReader.Between(_process, address, long.MaxValue, _cancellation).FirstOrDefault();
        MemoryGap gap = map?.Start <= address
            ? _source.GapAt(map!, address, errno)
            : new MemoryGap(address, (map?.Start ?? limit) - address, MemoryGapKind.NotMapped, errno);
        ulong end = Math.Min(gap.End, limit);
        MemoryGap.Add(gaps, gap with { Length = end - address });
        return end;
    }

    /// <summary>Adds gaps for a range without pages; mapped and unmapped parts are gaps of different kinds.</summary>
    private void AddNotResident(List<MemoryGap> gaps, ulong start, ulong end)
    {
        ulong at = start;
        foreach (ProcMap map in MapReader.Between(_process, start, end, _cancellation))
        {
            ulong mapped = Math.Max(map.Start, at);
            AddGap(gaps, at, mapped, MemoryGapKind.NotMapped, Errno.EFAULT);
            at = Math.Min(map.End, end);
            AddGap(gaps, mapped, at, _source.AbsentKind, Errno.None);
        }

        AddGap(gaps, at, end, MemoryGapKind.NotMapped, Errno.EFAULT);
    }

    private static void AddGap(List<MemoryGap> gaps, ulong start, ulong end, MemoryGapKind kind, Errno errno) =>
        MemoryGap.Add(gaps, new MemoryGap(start, end - start, kind, errno));
}

/// <summary>How memory is read.</summary>
public enum ReadMethod
{
    /// <summary>The fastest one that works.</summary>
    Auto,
    /// <summary>process_vm_readv(2): fast; page protection applies.</summary>
    ProcessVm,
    /// <summary><c>/proc/PID/mem</c>: slower; also reads pages without read permission.</summary>
    Mem,
    /// <summary>A core file, whatever method is given.</summary>
    Core,
}

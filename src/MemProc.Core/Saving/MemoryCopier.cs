namespace MemProc;

/// <summary>Receives memory in address order: each byte once, as bytes, zeros or a gap.</summary>
internal interface IMemorySink
{
    /// <summary>Receives bytes.</summary>
    void Write(ulong address, ReadOnlySpan<byte> bytes);

    /// <summary>Receives a range that holds zeros.</summary>
    void WriteZeros(ulong address, ulong length);

    /// <summary>Receives a range that was not read.</summary>
    void WriteGap(MemoryGap gap);
}

/// <summary>
/// Copies memory of a process, and collects the gaps. While one buffer is passed on, the next one is read.
/// </summary>
/// <param name="sink">Receives the memory.</param>
/// <param name="progress">Called with the number of bytes covered by reads so far.</param>
internal sealed class MemoryCopier(IMemorySink sink, Action<ulong> progress)
{
    /// <summary>Small enough that the bytes are still in the processor's cache when they are written.</summary>
    private const int BufferBytes = 512 * 1024;

    private readonly List<MemoryGap> _gaps = [];
    private Piece _current = new();
    private Piece _next = new();
    private ulong _coveredBytes;

    /// <summary>Bytes passed on as bytes: pages of zeros do not count.</summary>
    public ulong WrittenBytes { get; private set; }

    /// <summary>The gaps, in address order.</summary>
    public MemoryGap[] Gaps => [.. _gaps];

    /// <summary>Copies a range.</summary>
    /// <param name="reader">Reads it.</param>
    /// <param name="start">First address.</param>
    /// <param name="end">First address after the range.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EACCES, EPERM without ptrace access; ESRCH where the process exits.
    /// </exception>
    public void Copy(MemoryReader reader, ulong start, ulong end)
    {
        using ReadableRanges readable = reader.ReadableBetween(start, end);
        PendingWork<ulong>? reading = start < end ? _next.BeginFill(reader, start, end, readable) : null;
        try
        {
            while (reading is not null)
            {
                ulong covered = reader.Wait(reading);
                (_current, _next) = (_next, _current);
                ulong next = _current.Address + covered;
                reading = next < end ? _next.BeginFill(reader, next, end, readable) : null;
                PassOn(_current);
                _coveredBytes += covered;
                progress(_coveredBytes);
            }
        }
        finally
        {
            reading?.Dispose();
        }
    }

    private void PassOn(Piece piece)
    {
        ReadOnlySpan<byte> bytes = piece.Bytes;
        ulong done = piece.Address;
        foreach (MemoryGap gap in piece.Gaps)
        {
            WritePages(done, bytes[(int)(done - piece.Address)..(int)(gap.Address - piece.Address)]);
            AddGap(gap);
            done = gap.End;
        }

        if (done < piece.Address + (ulong)bytes.Length)
        {
            WritePages(done, bytes[(int)(done - piece.Address)..]);
        }
    }

    /// <summary>Passes on a gap that is known without a read.</summary>
    public void AddGap(MemoryGap gap)
    {
        sink.WriteGap(gap);
        MemoryGap.Add(_gaps, gap);
    }

    /// <summary>Passes bytes on, and pages of zeros as such.</summary>
    private void WritePages(ulong address, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bool isZero = IsZero(FirstPage(address, bytes));
            int length = 0;
            do
            {
                length += FirstPage(address + (ulong)length, bytes[length..]).Length;
            }
            while (length < bytes.Length && IsZero(FirstPage(address + (ulong)length, bytes[length..])) == isZero);

            if (isZero)
            {
                sink.WriteZeros(address, (ulong)length);
            }
            else
            {
                sink.Write(address, bytes[..length]);
                WrittenBytes += (ulong)length;
            }

            address += (ulong)length;
            bytes = bytes[length..];
        }
    }

    private static bool IsZero(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExcept((byte)0);

    /// <summary>The bytes on the same page as the first one.</summary>
    private static ReadOnlySpan<byte> FirstPage(ulong address, ReadOnlySpan<byte> bytes)
    {
        ulong rest = MachinePage.Floor(address) + MachinePage.SizeBytes - address;
        return bytes[..(int)Math.Min((ulong)bytes.Length, rest)];
    }

    /// <summary>A buffer with what was read into it.</summary>
    private sealed class Piece
    {
        private readonly byte[] _buffer = new byte[BufferBytes];
        private int _length;

        public ulong Address { get; private set; }

        public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, _length);

        /// <summary>The gaps that begin in the buffer.</summary>
        public List<MemoryGap> Gaps { get; } = [];

        public PendingWork<ulong> BeginFill(MemoryReader reader, ulong address, ulong end, ReadableRanges readable)
        {
            Address = address;
            _length = (int)Math.Min(end - address, BufferBytes);
            Gaps.Clear();
            return reader.BeginFill(address, _buffer.AsMemory(0, _length), readable, Gaps);
        }
    }
}

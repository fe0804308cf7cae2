using MemProc.Interop;

namespace MemProc;

/// <summary>Reads areas of a process' memory, through one buffer, and hands them to who writes them.</summary>
/// <param name="process">The process.</param>
/// <param name="sorter">Says what is to be read.</param>
/// <param name="writer">Takes the memory.</param>
/// <param name="progress">Told how many bytes have been read.</param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class AreaCopier(
    LinuxProcess process, PageSorter sorter, DumpWriter writer, Action<ulong> progress, CancellationToken cancellation)
{
    /// <summary>What is read is written while it is still in the processor's cache.</summary>
    private const int PieceBytes = 512 * 1024;

    private readonly MemoryReader _reader = new(process, ReadMethod.Auto, cancellation);
    private readonly MemoryReader _closedReader = new(process, ReadMethod.Mem, cancellation);
    private readonly byte[] _buffer = new byte[PieceBytes];
    private readonly List<MemoryGap> _pieceGaps = [];
    private readonly List<MemoryGap> _gaps = [];
    private ulong _readBytes;

    /// <summary>Bytes that were handed on, without pages of zeros.</summary>
    public ulong SavedBytes { get; private set; }

    /// <summary>What is missing, in address order.</summary>
    public MemoryGap[] Gaps => [.. _gaps];

    /// <summary>Copies an area.</summary>
    /// <exception cref="MemProcException">
    /// ReadMemory, ReadPageMap: EACCES, EPERM without ptrace access; ESRCH where the process exits.
    /// </exception>
    public void Copy(SavedArea area)
    {
        writer.Begin(area);
        // What the process itself may not read has its bytes all the same.
        MemoryReader reader = area.Map.IsReadable ? _reader : _closedReader;
        foreach (PageStretch stretch in sorter.Sort(area))
        {
            switch (stretch.Kind)
            {
                case PageStretchKind.Read:
                    Read(reader, stretch.Start, stretch.End);
                    break;
                case PageStretchKind.Zero:
                    writer.WriteZeros(stretch.Start, stretch.Length);
                    break;
                default:
                    AddGap(new MemoryGap(stretch.Start, stretch.Length, KindOf(stretch.Kind), ErrnoOf(stretch.Kind)));
                    break;
            }
        }

        writer.End();
    }

    private static MemoryGapKind KindOf(PageStretchKind kind) => kind switch
    {
        PageStretchKind.NotResident => MemoryGapKind.NotResident,
        PageStretchKind.LeftOut => MemoryGapKind.LeftOut,
        _ => MemoryGapKind.Unreadable,
    };

    private static Errno ErrnoOf(PageStretchKind kind) =>
        kind == PageStretchKind.Guard ? Errno.EFAULT : Errno.None;

    private void Read(MemoryReader reader, ulong start, ulong end)
    {
        using MemoryReader.Readable readable = reader.ReadableBetween(start, end);
        for (ulong at = start; at < end;)
        {
            Span<byte> piece = _buffer.AsSpan(0, (int)Math.Min(end - at, PieceBytes));
            _pieceGaps.Clear();
            ulong covered = reader.Fill(at, piece, readable, _pieceGaps);
            ulong done = at;
            foreach (MemoryGap gap in _pieceGaps)
            {
                HandOn(done, piece[(int)(done - at)..(int)(gap.Address - at)]);
                AddGap(gap);
                done = gap.End;
            }

            if (done < at + (ulong)piece.Length)
            {
                HandOn(done, piece[(int)(done - at)..]);
            }

            at += covered;
            _readBytes += covered;
            progress(_readBytes);
        }
    }

    private void AddGap(MemoryGap gap)
    {
        writer.WriteGap(gap);
        MemoryGap.Add(_gaps, gap);
    }

    /// <summary>Hands bytes on; pages of nothing but zeros as what they are.</summary>
    private void HandOn(ulong address, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bool isZero = !PageOf(address, bytes).ContainsAnyExcept((byte)0);
            int length = 0;
            do
            {
                length += PageOf(address + (ulong)length, bytes[length..]).Length;
            }
            while (length < bytes.Length
                && !PageOf(address + (ulong)length, bytes[length..]).ContainsAnyExcept((byte)0) == isZero);

            if (isZero)
            {
                writer.WriteZeros(address, (ulong)length);
            }
            else
            {
                writer.Write(address, bytes[..length]);
                SavedBytes += (ulong)length;
            }

            address += (ulong)length;
            bytes = bytes[length..];
        }
    }

    /// <summary>What of some bytes is on the page that the first one is on.</summary>
    private static ReadOnlySpan<byte> PageOf(ulong address, ReadOnlySpan<byte> bytes)
    {
        ulong rest = MachinePage.Floor(address) + MachinePage.SizeBytes - address;
        return bytes[..(int)Math.Min((ulong)bytes.Length, rest)];
    }
}

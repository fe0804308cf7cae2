using System.Buffers.Binary;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Writes an ELF core file (<c>include/uapi/linux/elf.h</c>): header, program headers, notes, memory. Program headers and
/// the list of gaps are known last; there is room for them in front, so that a file that was cut off can be read. Where
/// there are more than expected, they follow the memory.
/// </summary>
internal sealed class ElfCoreWriter : DumpWriter
{
    private const ushort ExtendedNumbering = 0xffff;

    /// <summary>
    /// Up to this length, zeros between bytes are a hole in the file rather than a new program header.
    /// </summary>
    private const ulong MaxHoleBytes = 1024 * 1024;

    /// <summary>Room for program headers in front: fewer than need extended numbering.</summary>
    private const int MinRoom = 64;
    private const int MaxRoom = 60_000;

    /// <summary>The file that gets a name in the end; null where it gets none.</summary>
    private readonly AtomicFile? _file;
    private readonly DumpFileWriter _stream;
    private readonly int _room;
    private readonly CoreLayout _layout;
    private readonly List<Segment> _segments = [];
    private readonly List<(ulong Address, ulong Length, int Kind, Errno Errno)> _gaps = [];
    private SavedArea _area;
    private Segment? _open;

    /// <summary>Creates a file and writes its notes.</summary>
    /// <param name="path">The name that it gets when it is complete.</param>
    /// <param name="options">How it is written.</param>
    /// <param name="layout">For 64 bits or 32.</param>
    /// <param name="ranges">The number of ranges that the memory is expected to consist of.</param>
    /// <param name="writeNotes">Write the notes, each those of one segment; null: none.</param>
    public ElfCoreWriter(
        string path, SaveOptions options, CoreLayout layout, long ranges, params Action<DumpFileWriter>?[] writeNotes)
    {
        _layout = layout;
        _file = options.Unnamed is null ? new AtomicFile(path, options.Overwrite) : null;
        try
        {
            // Zeros and unreadable pages divide ranges.
            _room = (int)Math.Min(MinRoom + 2 * ranges, MaxRoom);
            _stream = DumpFileWriter.Begin(options.Unnamed ?? _file!.Handle, options.Compress, GapsAt + MaxGapNoteBytes);
            foreach (Action<DumpFileWriter> write in writeNotes.OfType<Action<DumpFileWriter>>())
            {
                Segment notes = new(SegmentType.Note, 0, _stream.Position, 0);
                write(_stream);
                notes.FileBytes = _stream.Position - notes.Offset;
                _segments.Add(notes);
            }

            Pad();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private enum SegmentType
    {
        Null = 0,
        Load = 1,
        Note = 4,
    }

    /// <inheritdoc/>
    public override void Begin(SavedArea area)
    {
        _area = area;
        _open = null;
    }

    /// <inheritdoc/>
    public override void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        Segment segment = OpenAt(address);
        ulong hole = segment.MemoryBytes - segment.FileBytes;
        if (hole > MaxHoleBytes)
        {
            _open = null;
            segment = OpenAt(address);
            hole = 0;
        }

        _stream.Skip(hole);
        _stream.Write(bytes);
        segment.FileBytes += hole + (ulong)bytes.Length;
        segment.MemoryBytes = segment.FileBytes;
    }

    /// <inheritdoc/>
    public override void WriteZeros(ulong address, ulong length) => OpenAt(address).MemoryBytes += length;

    /// <inheritdoc/>
    public override void WriteGap(MemoryGap gap)
    {
        _gaps.Add((gap.Address, gap.Length, (int)gap.Kind, gap.Errno));
        // Debuggers read zeros where a segment has no bytes, unless a file is mapped there. Where no file is, they get
        // a segment that they ignore, and report that there is no such memory, which is closer to the truth. A mapping
        // that is left out as a whole has the segment that it has in a core of the kernel.
        bool isIgnored = gap.Kind != MemoryGapKind.LeftOut && _area.Map.Inode == 0;
        _segments.Add(new Segment(isIgnored ? SegmentType.Null : SegmentType.Load, gap.Address, _stream.Position,
            FlagsOf(_area.Map))
        {
            MemoryBytes = gap.Length,
        });
        _open = null;
    }

    /// <inheritdoc/>
    public override void End()
    {
    }

    /// <inheritdoc/>
    public override ulong Complete(ulong savedBytes)
    {
        // A segment cannot say whether bytes that the file does not have are zeros or missing: this list does.
        byte[] gaps = CoreNoteFormat.Note(CoreNoteFormat.Owner, CoreNoteFormat.GapsType, CoreNoteFormat.Gaps(_gaps));
        ulong length = _segments.Count < _room && _gaps.Count <= _room ? CompleteInFront(gaps) : CompleteAtEnd(gaps);
        _stream.Dispose();
        _file?.Complete();
        return length;
    }

    /// <summary>Offset of the list of gaps in front.</summary>
    private int GapsAt => _layout.HeaderBytes + _room * _layout.EntryBytes;

    private int MaxGapNoteBytes => CoreNoteFormat.Note(CoreNoteFormat.Owner, CoreNoteFormat.GapsType, []).Length
        + _room * CoreNoteFormat.GapBytes;

    private ulong CompleteInFront(byte[] gaps)
    {
        byte[] front = new byte[GapsAt + MaxGapNoteBytes];
        _segments.Add(new Segment(SegmentType.Note, 0, (ulong)GapsAt, 0) { FileBytes = (ulong)gaps.Length });
        gaps.CopyTo(front, GapsAt);
        for (int index = 0; index < _segments.Count; index++)
        {
            Encode(_segments[index], front.AsSpan(_layout.HeaderBytes + index * _layout.EntryBytes, _layout.EntryBytes));
        }

        Header((ulong)_layout.HeaderBytes, sections: 0).CopyTo(front, 0);
        // The file ends with a whole page, as programs map it.
        Pad();
        return _stream.End(front);
    }

    private ulong CompleteAtEnd(byte[] gaps)
    {
        Pad();
        _segments.Add(new Segment(SegmentType.Note, 0, _stream.Position, 0) { FileBytes = (ulong)gaps.Length });
        _stream.Write(gaps);
        Pad();
        ulong table = _stream.Position;
        Span<byte> entry = new byte[_layout.SectionBytes];
        foreach (Segment segment in _segments)
        {
            Encode(segment, entry);
            _stream.Write(entry[.._layout.EntryBytes]);
        }

        // More entries than the header can count (PN_XNUM): section 0 holds their number.
        bool isLong = _segments.Count >= ExtendedNumbering;
        ulong sections = _stream.Position;
        if (isLong)
        {
            entry.Clear();
            // Size and info of the section: one section, and the number of entries.
            _layout.WriteWord(entry[(8 + 3 * _layout.WordBytes)..], 1);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[(12 + 4 * _layout.WordBytes)..], (uint)_segments.Count);
            _stream.Write(entry);
        }

        byte[] front = new byte[GapsAt + MaxGapNoteBytes];
        Header(table, isLong ? sections : 0).CopyTo(front, 0);
        return _stream.End(front);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _stream?.Dispose();
        _file?.Dispose();
    }

    private static uint FlagsOf(ProcMap map) =>
        (map.IsExecutable ? 1U : 0) | (map.IsWritable ? 2U : 0) | (map.IsReadable ? 4U : 0);

    private void Encode(Segment segment, Span<byte> entry)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(entry, (uint)segment.Type);
        // The flags are the second field, or the one before the last.
        BinaryPrimitives.WriteUInt32LittleEndian(entry[(_layout.Is64Bit ? 4 : 24)..], segment.Flags);
        int at = _layout.Is64Bit ? 8 : 4;
        foreach (ulong word in (ReadOnlySpan<ulong>)[segment.Offset, segment.Address, 0, segment.FileBytes, segment.MemoryBytes])
        {
            _layout.WriteWord(entry[at..], word);
            at += _layout.WordBytes;
        }

        _layout.WriteWord(entry[(_layout.Is64Bit ? 48 : 28)..], segment.Type == SegmentType.Note ? 4 : MachinePage.SizeBytes);
    }

    private byte[] Header(ulong table, ulong sections)
    {
        const ushort CoreType = 4;
        byte[] header = new byte[_layout.HeaderBytes];
        // 64 or 32 bits, little-endian, version 1.
        ReadOnlySpan<byte> identity = [0x7f, (byte)'E', (byte)'L', (byte)'F', (byte)(_layout.Is64Bit ? 2 : 1), 1, 1];
        identity.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(16), CoreType);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(18), (ushort)_layout.Machine);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(20), 1);
        _layout.WriteWord(header.AsSpan(24 + _layout.WordBytes), table);
        _layout.WriteWord(header.AsSpan(24 + 2 * _layout.WordBytes), sections);
        Span<byte> sizes = header.AsSpan(28 + 3 * _layout.WordBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(sizes, (ushort)_layout.HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(sizes[2..], (ushort)_layout.EntryBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(sizes[4..], (ushort)Math.Min(_segments.Count, ExtendedNumbering));
        BinaryPrimitives.WriteUInt16LittleEndian(sizes[6..], (ushort)(sections == 0 ? 0 : _layout.SectionBytes));
        BinaryPrimitives.WriteUInt16LittleEndian(sizes[8..], (ushort)(sections == 0 ? 0 : 1));
        return header;
    }

    private Segment OpenAt(ulong address)
    {
        if (_open is null)
        {
            _open = new Segment(SegmentType.Load, address, _stream.Position, FlagsOf(_area.Map));
            _segments.Add(_open);
        }

        return _open;
    }

    /// <summary>Starts a new page: programs that map the file need memory and tables aligned.</summary>
    private void Pad() => _stream.Skip(MachinePage.Ceiling(_stream.Position) - _stream.Position);

    private sealed class Segment(SegmentType type, ulong address, ulong offset, uint flags)
    {
        public SegmentType Type => type;

        public ulong Address => address;

        public ulong Offset => offset;

        public uint Flags => flags;

        public ulong FileBytes { get; set; }

        public ulong MemoryBytes { get; set; }
    }
}

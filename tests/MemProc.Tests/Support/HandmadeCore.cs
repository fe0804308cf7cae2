using System.Buffers.Binary;
using System.Text;

namespace MemProc.Tests;

/// <summary>Makes small cores of any kind: notes first, then memory.</summary>
internal sealed class HandmadeCore(bool is64Bit = true, ushort machine = 62, bool isBigEndian = false)
{
    /// <summary>A file that exists nowhere.</summary>
    public const string Path = "/nowhere/program";

    private readonly List<(ulong Address, byte[] Bytes, ulong MemoryBytes, uint Flags)> _loads = [];
    private readonly List<byte[]> _notes = [];

    private int Word => is64Bit ? 8 : 4;

    /// <summary>Adds memory; what is longer than its bytes has none in the file.</summary>
    public HandmadeCore Load(ulong address, byte[] bytes, ulong? memoryBytes = null, uint flags = 6)
    {
        _loads.Add((address, bytes, memoryBytes ?? (ulong)bytes.Length, flags));
        return this;
    }

    /// <summary>Adds a note.</summary>
    public HandmadeCore Note(string owner, uint type, byte[] content)
    {
        byte[] note = CoreNoteFormat.Note(owner, type, content);
        for (int field = 0; isBigEndian && field < 3; field++)
        {
            note.AsSpan(4 * field, 4).Reverse();
        }

        _notes.Add(note);
        return this;
    }

    /// <summary>Adds a process of one thread with a signal, an auxiliary vector and one mapped file.</summary>
    public HandmadeCore Process(int id, ulong instruction, ulong stack, ulong fault, ulong fileStart, ulong fileEnd)
    {
        byte[] status = new byte[is64Bit ? 336 : 144];
        Write(status.AsSpan(12, 2), 11);
        Write(status.AsSpan(is64Bit ? 32 : 24, 4), (ulong)id);
        int registers = is64Bit ? 112 : 72;
        WriteWord(status, registers + Word * (is64Bit ? 16 : 12), instruction);
        WriteWord(status, registers + Word * (is64Bit ? 19 : 15), stack);
        byte[] info = new byte[is64Bit ? 136 : 124];
        Write(info.AsSpan(is64Bit ? 24 : 12, 4), (ulong)id);
        "program"u8.CopyTo(info.AsSpan(is64Bit ? 40 : 28));
        "program -x"u8.CopyTo(info.AsSpan(is64Bit ? 56 : 44));
        byte[] signal = new byte[128];
        Write(signal.AsSpan(0, 4), 11);
        Write(signal.AsSpan(8, 4), 1);
        WriteWord(signal, is64Bit ? 16 : 12, fault);
        return Note("CORE", 1, status).Note("CORE", 3, info).Note("CORE", 0x53494749, signal)
            .Note("CORE", 6, Words(6, 4096, 32, 1, 9, instruction, 25, stack, 0, 0))
            .Note("CORE", 0x46494c45, [.. Words(1, 4096, fileStart, fileEnd, 0), .. Encoding.ASCII.GetBytes(Path), 0]);
    }

    /// <summary>Adds the notes of MemProc.</summary>
    public HandmadeCore OfMemProc(string maps, params (ulong Address, ulong Length)[] gaps) =>
        Note(CoreNoteFormat.Owner, CoreNoteFormat.HeaderType, CoreNoteFormat.Header(77, DateTimeOffset.UnixEpoch))
            .Note(CoreNoteFormat.Owner, CoreNoteFormat.FileType, CoreNoteFormat.File("maps", Encoding.ASCII.GetBytes(maps)))
            .Note(CoreNoteFormat.Owner, CoreNoteFormat.GapsType, CoreNoteFormat.Gaps(
                [.. gaps.Select(gap => (gap.Address, gap.Length, 0, MemProc.Interop.Errno.None))]));

    /// <summary>Returns the file.</summary>
    public byte[] Build()
    {
        int headerBytes = is64Bit ? 64 : 52, entryBytes = is64Bit ? 56 : 32;
        byte[] notes = [.. _notes.SelectMany(note => note)];
        int notesAt = headerBytes + entryBytes * (_loads.Count + 1);
        List<byte> file = [.. new byte[notesAt], .. notes];
        byte[] table = new byte[entryBytes * (_loads.Count + 1)];
        WriteEntry(table, 4, 0, (ulong)notesAt, 0, (ulong)notes.Length, 0);
        for (int index = 0; index < _loads.Count; index++)
        {
            (ulong address, byte[] bytes, ulong memoryBytes, uint flags) = _loads[index];
            file.AddRange(new byte[-file.Count & 4095]);
            WriteEntry(table.AsSpan((index + 1) * entryBytes), 1, flags, (ulong)file.Count, address, (ulong)bytes.Length, memoryBytes);
            file.AddRange(bytes);
        }

        byte[] result = [.. file];
        Span<byte> header = result;
        ReadOnlySpan<byte> identity = [0x7f, (byte)'E', (byte)'L', (byte)'F', (byte)(is64Bit ? 2 : 1), (byte)(isBigEndian ? 2 : 1), 1];
        identity.CopyTo(header);
        Write(header.Slice(16, 2), 4);
        Write(header.Slice(18, 2), machine);
        WriteWord(result, 24 + Word, (ulong)headerBytes);
        int sizes = 24 + 3 * Word + 4;
        Write(header.Slice(sizes, 2), (ulong)headerBytes);
        Write(header.Slice(sizes + 2, 2), (ulong)entryBytes);
        Write(header.Slice(sizes + 4, 2), (ulong)_loads.Count + 1);
        table.CopyTo(header[headerBytes..]);
        return result;
    }

    private void WriteEntry(Span<byte> entry, uint type, uint flags, ulong offset, ulong address, ulong fileBytes, ulong memoryBytes)
    {
        Write(entry[..4], type);
        Write(entry.Slice(is64Bit ? 4 : 24, 4), flags);
        int at = is64Bit ? 8 : 4;
        foreach (ulong number in (ulong[])[offset, address, 0, fileBytes, memoryBytes])
        {
            WriteWord(entry, at, number);
            at += Word;
        }
    }

    private byte[] Words(params ulong[] numbers)
    {
        byte[] bytes = new byte[numbers.Length * Word];
        for (int index = 0; index < numbers.Length; index++)
        {
            WriteWord(bytes, index * Word, numbers[index]);
        }

        return bytes;
    }

    private void WriteWord(Span<byte> bytes, int at, ulong number) => Write(bytes.Slice(at, Word), number);

    private void Write(Span<byte> field, ulong number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, number);
        bytes[..field.Length].CopyTo(field);
        if (isBigEndian)
        {
            field.Reverse();
        }
    }
}

using System.Buffers.Binary;
using System.Text;

namespace MemProc.Tests;

/// <summary>Makes ELF files of a few hundred bytes, for x86-64, from parts that a test chooses.</summary>
internal static class SmallElf
{
    private const int HeaderBytes = 64;
    private const int SegmentBytes = 56;
    private const int SectionBytes = 64;
    private const int SymbolBytes = 24;

    /// <summary>Makes a file with one section and the names of sections.</summary>
    public static byte[] WithSection(string name, byte[] content)
    {
        byte[] names = [0, .. Encoding.ASCII.GetBytes(name), 0];
        int namesAt = HeaderBytes + content.Length;
        int tableAt = (namesAt + names.Length + 7) / 8 * 8;
        byte[] file = Header(tableAt + 3 * SectionBytes, sections: 3, sectionsAt: tableAt);
        content.CopyTo(file, HeaderBytes);
        names.CopyTo(file, namesAt);
        Section(file.AsSpan(tableAt + SectionBytes), name: 1, type: 1, HeaderBytes, content.Length);
        Section(file.AsSpan(tableAt + 2 * SectionBytes), name: 0, type: 3, namesAt, names.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(62), 2);
        return file;
    }

    /// <summary>Makes a file with note segments that all show the same bytes.</summary>
    public static byte[] WithNotes(byte[] notes, int segments = 1)
    {
        int notesAt = HeaderBytes + segments * SegmentBytes;
        byte[] file = Header(notesAt + notes.Length, segments);
        for (int index = 0; index < segments; index++)
        {
            Span<byte> segment = file.AsSpan(HeaderBytes + index * SegmentBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(segment, 4);
            BinaryPrimitives.WriteInt64LittleEndian(segment[8..], notesAt);
            BinaryPrimitives.WriteInt64LittleEndian(segment[32..], notes.Length);
            BinaryPrimitives.WriteInt64LittleEndian(segment[48..], 4);
        }

        notes.CopyTo(file, notesAt);
        return file;
    }

    /// <summary>Makes a file whose symbol table claims a size; the file has to get that length.</summary>
    public static byte[] WithSymbolTable(long tableBytes)
    {
        const int TableAt = HeaderBytes + 3 * SectionBytes;
        byte[] file = Header(TableAt, sections: 3, sectionsAt: HeaderBytes);
        Span<byte> symbols = file.AsSpan(HeaderBytes + SectionBytes);
        Section(symbols, name: 0, type: 2, TableAt, tableBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(symbols[40..], 2);
        BinaryPrimitives.WriteInt64LittleEndian(symbols[56..], SymbolBytes);
        Section(file.AsSpan(HeaderBytes + 2 * SectionBytes), name: 0, type: 3, 0, HeaderBytes);
        return file;
    }

    private static byte[] Header(int length, int segments = 0, int sections = 0, int sectionsAt = 0)
    {
        byte[] file = new byte[length];
        "\u007fELF\u0002\u0001\u0001"u8.CopyTo(file);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(16), 3);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(18), 62);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(32), segments > 0 ? HeaderBytes : 0);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(40), sectionsAt);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(54), SegmentBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(56), (ushort)segments);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(58), SectionBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(60), (ushort)sections);
        return file;
    }

    private static void Section(Span<byte> section, int name, int type, long offset, long size)
    {
        BinaryPrimitives.WriteInt32LittleEndian(section, name);
        BinaryPrimitives.WriteInt32LittleEndian(section[4..], type);
        BinaryPrimitives.WriteInt64LittleEndian(section[24..], offset);
        BinaryPrimitives.WriteInt64LittleEndian(section[32..], size);
    }
}

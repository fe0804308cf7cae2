using System.Buffers.Binary;

namespace MemProc.Tests;

/// <summary>An independent reader of core files, to compare with.</summary>
internal sealed class CoreFile
{
    private readonly byte[] _bytes;

    /// <summary>Reads a file.</summary>
    public CoreFile(byte[] bytes)
    {
        _bytes = bytes;
        int table = (int)Number(32);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(56));
        if (count == 0xffff)
        {
            count = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan((int)Number(40) + 44));
        }

        Entries = [.. Enumerable.Range(0, count).Select(index => table + 56 * index).Select(at => new Entry(
            BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at)),
            BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 4)),
            Number(at + 8), Number(at + 16), Number(at + 32), Number(at + 40)))];
    }

    /// <summary>The program headers.</summary>
    public IReadOnlyList<Entry> Entries { get; }

    /// <summary>The types of its notes, in order.</summary>
    public IReadOnlyList<uint> Notes()
    {
        // A second segment has the notes of MemProc that are known only after the memory.
        Entry notes = Entries.First(entry => entry.Type == 4);
        List<uint> types = [];
        for (int at = (int)notes.Offset; at < (int)(notes.Offset + notes.FileBytes);)
        {
            types.Add(BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(at + 8)));
            int content = BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(at + 4));
            int name = BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(at));
            at += 12 + (name + 3) / 4 * 4 + (content + 3) / 4 * 4;
        }

        return types;
    }

    /// <summary>Returns the program header that contains an address.</summary>
    public Entry At(ulong address) => Entries.Single(
        entry => entry.Type != 4 && entry.Address <= address && address < entry.Address + entry.MemoryBytes);

    /// <summary>Reads bytes at an address; bytes of a segment that are not in the file are zero.</summary>
    public byte[] Read(ulong address, ulong length)
    {
        byte[] result = new byte[length];
        for (ulong done = 0; done < length;)
        {
            Entry entry = At(address + done);
            ulong skip = address + done - entry.Address;
            ulong part = Math.Min(length - done, entry.MemoryBytes - skip);
            ulong stored = skip < entry.FileBytes ? Math.Min(part, entry.FileBytes - skip) : 0;
            _bytes.AsSpan((int)(entry.Offset + skip), (int)stored).CopyTo(result.AsSpan((int)done));
            done += part;
        }

        return result;
    }

    private ulong Number(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(at));

    /// <summary>A program header.</summary>
    public sealed record Entry(int Type, int Flags, ulong Offset, ulong Address, ulong FileBytes, ulong MemoryBytes);
}

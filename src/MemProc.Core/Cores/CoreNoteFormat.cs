using System.Buffers.Binary;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// The notes that MemProc adds to the cores that it writes. Numbers are little-endian. docs/core-notes.md describes them.
/// </summary>
internal static class CoreNoteFormat
{
    /// <summary>The owner of the notes.</summary>
    public const string Owner = "MEMPROC";

    /// <summary>
    /// The version that is written. Earlier ones are read, too; cores of a later version are read as those of other
    /// programs. Version 2 added the page information.
    /// </summary>
    public const uint Version = 2;

    // The types are unlike those of the kernel, as readelf and gdb interpret a type without regard to the owner.

    /// <summary>Type of the header: version, page size, start time of the process, time of the save.</summary>
    public const uint HeaderType = 0x4d50_0001;

    /// <summary>Type of a file that procfs had of the process: its name, a NUL, and its content.</summary>
    public const uint FileType = 0x4d50_0002;

    /// <summary>Type of the list of gaps, in a segment of its own.</summary>
    public const uint GapsType = 0x4d50_0003;

    /// <summary>Type of the head of the page information.</summary>
    public const uint PageInfoType = 0x4d50_0004;

    /// <summary>
    /// Type of a part of a large file that procfs had of the process: its name, a NUL, the offset of the part, its length, and
    /// the part, compressed by DEFLATE.
    /// </summary>
    public const uint FilePartType = 0x4d50_0005;

    /// <summary>Type of the pagemap entries of a range of addresses (<see cref="CorePageFormat"/>).</summary>
    public const uint PagesType = 0x4d50_0006;

    /// <summary>Type of the state of a range of frames (<see cref="CorePageFormat"/>).</summary>
    public const uint FramesType = 0x4d50_0007;

    /// <summary>Name of the list of devices that are hugetlbfs file systems, which is not a file of procfs.</summary>
    public const string HugeTlbName = "hugetlbfs";

    /// <summary>Name of the list of cgroups that frames are charged to: an inode, a space, and a path a line.</summary>
    public const string CgroupsName = "cgroups";

    /// <summary>
    /// Name of the list of build ids of mapped files in a core without memory: an id, a space, and a path as in maps a line.
    /// </summary>
    public const string BuildIdsName = "build-ids";

    /// <summary>Bytes of a gap in the list.</summary>
    public const int GapBytes = 24;

    private const int HeaderBytes = 24;

    /// <summary>Encodes the header.</summary>
    public static byte[] Header(ulong startTicks, DateTimeOffset time)
    {
        byte[] header = new byte[HeaderBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(header, Version);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), (uint)MachinePage.SizeBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(8), startTicks);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(16), time.ToUnixTimeMilliseconds());
        return header;
    }

    /// <summary>Decodes a header; null where it is of a later version, or malformed.</summary>
    public static (ulong StartTicks, DateTimeOffset Time)? ReadHeader(ReadOnlySpan<byte> content)
    {
        if (content.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(content) is 0 or > Version)
        {
            return null;
        }

        long milliseconds = BinaryPrimitives.ReadInt64LittleEndian(content[16..]);
        return milliseconds >= DateTimeOffset.MinValue.ToUnixTimeMilliseconds()
            && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
            ? (BinaryPrimitives.ReadUInt64LittleEndian(content[8..]), DateTimeOffset.FromUnixTimeMilliseconds(milliseconds))
            : null;
    }

    /// <summary>Encodes a file of procfs.</summary>
    public static byte[] File(string name, ReadOnlySpan<byte> content) => [.. Encoding.ASCII.GetBytes(name), 0, .. content];

    /// <summary>Decodes a file of procfs; null where it has no name.</summary>
    public static (string Name, byte[] Content)? ReadFile(ReadOnlySpan<byte> content)
    {
        const int MaxNameBytes = 64;
        int end = content.IndexOf((byte)0);
        return end is > 0 and <= MaxNameBytes
            ? (Encoding.ASCII.GetString(content[..end]), content[(end + 1)..].ToArray())
            : null;
    }

    /// <summary>Encodes the gaps.</summary>
    public static byte[] Gaps(IReadOnlyList<(ulong Address, ulong Length, int Kind, Errno Errno)> gaps)
    {
        byte[] content = new byte[gaps.Count * GapBytes];
        for (int index = 0; index < gaps.Count; index++)
        {
            Span<byte> gap = content.AsSpan(index * GapBytes);
            BinaryPrimitives.WriteUInt64LittleEndian(gap, gaps[index].Address);
            BinaryPrimitives.WriteUInt64LittleEndian(gap[8..], gaps[index].Length);
            BinaryPrimitives.WriteInt32LittleEndian(gap[16..], gaps[index].Kind);
            BinaryPrimitives.WriteInt32LittleEndian(gap[20..], (int)gaps[index].Errno);
        }

        return content;
    }

    /// <summary>Decodes the ranges of the gaps.</summary>
    public static AddressRange[] ReadGaps(ReadOnlySpan<byte> content)
    {
        AddressRange[] gaps = new AddressRange[content.Length / GapBytes];
        for (int index = 0; index < gaps.Length; index++)
        {
            ReadOnlySpan<byte> gap = content[(index * GapBytes)..];
            ulong start = BinaryPrimitives.ReadUInt64LittleEndian(gap);
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(gap[8..]);
            gaps[index] = new AddressRange(start, start + Math.Min(length, ulong.MaxValue - start));
        }

        return gaps;
    }

    /// <summary>Encodes one note with its padding.</summary>
    public static byte[] Note(string owner, uint type, ReadOnlySpan<byte> content)
    {
        const int HeadBytes = 12;
        int name = (owner.Length + 1 + 3) & ~3;
        byte[] note = new byte[HeadBytes + name + ((content.Length + 3) & ~3)];
        BinaryPrimitives.WriteInt32LittleEndian(note, owner.Length + 1);
        BinaryPrimitives.WriteInt32LittleEndian(note.AsSpan(4), content.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(note.AsSpan(8), type);
        Encoding.ASCII.GetBytes(owner, note.AsSpan(HeadBytes));
        content.CopyTo(note.AsSpan(HeadBytes + name));
        return note;
    }
}

using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>What the page information of a core has, besides the entries themselves.</summary>
[Flags]
internal enum CorePageFields : uint
{
    /// <summary>Pagemap entries alone.</summary>
    None = 0,
    /// <summary>Which pages are huge: PAGEMAP_SCAN reported it.</summary>
    Huge = 1,
    /// <summary>The flags of the frames.</summary>
    FrameFlags = 2,
    /// <summary>Their map counts.</summary>
    MapCounts = 4,
    /// <summary>Their cgroups.</summary>
    Cgroups = 8,
}

/// <summary>The head of the page information.</summary>
/// <param name="Fields">What was saved.</param>
/// <param name="UnknownBits">The bits of a pagemap entry that the kernel did not report.</param>
/// <param name="HugePageBytes">The size of transparent huge pages; 0: unknown.</param>
internal sealed record CorePageInfo(CorePageFields Fields, ulong UnknownBits, ulong HugePageBytes);

/// <summary>Consecutive pages of equal state, in consecutive frames or slots of a swap area.</summary>
/// <param name="Page">Number of the first page.</param>
/// <param name="Count">Number of pages.</param>
/// <param name="Entry">The pagemap entry of the first page.</param>
/// <param name="IsHuge">Whether larger entries map them.</param>
internal readonly record struct CorePageRun(ulong Page, ulong Count, ulong Entry, bool IsHuge)
{
    /// <summary>The number after that of the last page.</summary>
    public ulong End => Page + Count;

    /// <summary>Returns the entry of a page of the run.</summary>
    public ulong EntryOf(ulong page) => Next(Entry, page - Page);

    /// <summary>Returns the entry that a run has some pages after another one.</summary>
    public static ulong Next(ulong entry, ulong pages)
    {
        RawPageMapEntry raw = new(entry);
        ulong step = raw.IsSwapped ? pages << RawPageMapEntry.SwapTypeBits : raw.IsPresent && !raw.IsPfnHidden ? pages : 0;
        return (entry & ~RawPageMapEntry.PfnMask) | ((entry + step) & RawPageMapEntry.PfnMask);
    }
}

/// <summary>
/// The encoding of the page information. A note covers a range of pages or frames; those that it does not mention are not
/// populated, or were not saved. It holds runs of numbers of 7 bits a byte, the lowest first, so that a note is decoded
/// alone and 1 GiB of scattered pages takes about 1.5 MB. Nothing in it is trusted.
/// </summary>
internal static class CorePageFormat
{
    /// <summary>Bytes of runs after which a note ends: few enough that one page is found soon.</summary>
    public const int BlockBytes = 16 * 1024;

    /// <summary>Bytes of a large file in one note, before compression.</summary>
    public const int PartBytes = 256 * 1024;

    /// <summary>Bytes before the runs: the first page or frame that is covered, and the one after the last.</summary>
    public const int RangeBytes = 16;

    /// <summary>The frame number after the last possible one, where the last note with frames ends.</summary>
    public const ulong EndOfFrames = 1UL << 55;

    /// <summary>Longest note that is read: one that covers <see cref="BlockBytes"/>, and its last run.</summary>
    private const ulong MaxBlockBytes = 64 * 1024;

    private const int InfoBytes = 24;
    private const int MaxNameBytes = 64;

    /// <summary>Lowest bit of the state in an entry, after the frame number.</summary>
    private const int StateShift = 55;

    /// <summary>Encodes the head.</summary>
    public static byte[] Info(CorePageInfo info)
    {
        byte[] content = new byte[InfoBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(content, (uint)info.Fields);
        BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(8), info.UnknownBits);
        BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(16), info.HugePageBytes);
        return content;
    }

    /// <summary>Decodes the head; null where it is malformed.</summary>
    public static CorePageInfo? ReadInfo(ReadOnlySpan<byte> content) => content.Length < InfoBytes ? null
        : new CorePageInfo((CorePageFields)BinaryPrimitives.ReadUInt32LittleEndian(content),
            BinaryPrimitives.ReadUInt64LittleEndian(content[8..]), BinaryPrimitives.ReadUInt64LittleEndian(content[16..]));

    /// <summary>Encodes a part of a large file.</summary>
    public static byte[] FilePart(string name, ulong offset, ReadOnlySpan<byte> part)
    {
        using MemoryStream content = new();
        content.Write(Encoding.ASCII.GetBytes(name));
        Span<byte> numbers = stackalloc byte[13];
        numbers.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(numbers[1..], offset);
        BinaryPrimitives.WriteUInt32LittleEndian(numbers[9..], (uint)part.Length);
        content.Write(numbers);
        using (DeflateStream deflate = new(content, CompressionLevel.Fastest, leaveOpen: true))
        {
            deflate.Write(part);
        }

        return content.ToArray();
    }

    /// <summary>Decodes name, offset and length of a part from its first bytes; null where it is malformed.</summary>
    /// <returns>Also the offset of the compressed bytes in the note.</returns>
    public static (string Name, ulong Offset, int Length, int DataAt)? ReadFilePart(ReadOnlySpan<byte> content)
    {
        int end = content.IndexOf((byte)0);
        if (end is <= 0 or > MaxNameBytes || content.Length < end + 13)
        {
            return null;
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(content[(end + 9)..]);
        return length > PartBytes ? null
            : (Encoding.ASCII.GetString(content[..end]), BinaryPrimitives.ReadUInt64LittleEndian(content[(end + 1)..]),
                (int)length, end + 13);
    }

    /// <summary>First bytes of a part that <see cref="ReadFilePart"/> needs.</summary>
    public static int FilePartHeadBytes => MaxNameBytes + 13;

    /// <summary>Decompresses a part; what is damaged is missing at its end.</summary>
    public static byte[] Inflate(byte[] compressed, int length)
    {
        byte[] bytes = new byte[length];
        int read = 0;
        try
        {
            using DeflateStream deflate = new(new MemoryStream(compressed), CompressionMode.Decompress);
            for (int more; read < length && (more = deflate.Read(bytes.AsSpan(read))) > 0;)
            {
                read += more;
            }
        }
        catch (InvalidDataException)
        {
        }

        return bytes[..read];
    }

    /// <summary>Whether a note with runs has a length that one can have.</summary>
    public static bool IsBlock(ulong length) => length is >= RangeBytes and <= MaxBlockBytes;

    /// <summary>Decodes the range that a note covers, in pages or frames; empty where it is malformed.</summary>
    public static (ulong First, ulong End) ReadRange(ReadOnlySpan<byte> content)
    {
        ulong first = BinaryPrimitives.ReadUInt64LittleEndian(content);
        return (first, Math.Max(first, BinaryPrimitives.ReadUInt64LittleEndian(content[8..])));
    }

    /// <summary>Encodes a run of pages, after another one in its note.</summary>
    public static void Add(CoreBlockBuilder block, in CorePageRun run)
    {
        ulong entry = run.Entry & RawPageMapEntry.PfnMask;
        block.Add(run.Page - block.Last);
        block.Add(run.Count);
        block.Add((run.Entry >> StateShift) << 1 | (run.IsHuge ? 1UL : 0));
        block.Add(ZigZag(unchecked(entry - block.Number)));
        block.Last = run.End;
        block.Number = CorePageRun.Next(run.Entry, run.Count) & RawPageMapEntry.PfnMask;
    }

    /// <summary>Decodes the runs of a note, up to what is malformed.</summary>
    public static CorePageRun[] ReadPages(ReadOnlySpan<byte> content)
    {
        (ulong at, ulong end) = ReadRange(content);
        List<CorePageRun> runs = [];
        ulong expected = 0;
        for (int index = RangeBytes; index < content.Length;)
        {
            if (!TryRead(content, ref index, out ulong gap) || !TryRead(content, ref index, out ulong count)
                || !TryRead(content, ref index, out ulong state) || !TryRead(content, ref index, out ulong number)
                || count == 0 || gap > end - at || count > end - at - gap)
            {
                break;
            }

            ulong entry = (state >> 1) << StateShift | (unchecked(expected + UnZigZag(number)) & RawPageMapEntry.PfnMask);
            CorePageRun run = new(at + gap, count, entry, (state & 1) != 0);
            runs.Add(run);
            at = run.End;
            expected = CorePageRun.Next(entry, count) & RawPageMapEntry.PfnMask;
        }

        return [.. runs];
    }

    /// <summary>Encodes a run of frames, after another one in its note.</summary>
    public static void Add(CoreBlockBuilder block, in SavedFrameRun run)
    {
        block.Add(run.First - block.Last);
        block.Add(run.Count);
        block.Add(run.Flags ^ block.Number);
        block.Add(run.MapCount);
        block.Add(run.Cgroup ^ block.Other);
        (block.Last, block.Number, block.Other) = (run.End, run.Flags, run.Cgroup);
    }

    /// <summary>Decodes the runs of a note, up to what is malformed.</summary>
    public static SavedFrameRun[] ReadFrames(ReadOnlySpan<byte> content)
    {
        (ulong at, ulong end) = ReadRange(content);
        List<SavedFrameRun> runs = [];
        ulong flags = 0, cgroup = 0;
        for (int index = RangeBytes; index < content.Length;)
        {
            if (!TryRead(content, ref index, out ulong gap) || !TryRead(content, ref index, out ulong count)
                || !TryRead(content, ref index, out ulong changed) || !TryRead(content, ref index, out ulong maps)
                || !TryRead(content, ref index, out ulong other) || count == 0 || gap > end - at || count > end - at - gap)
            {
                break;
            }

            (flags, cgroup) = (flags ^ changed, cgroup ^ other);
            runs.Add(new SavedFrameRun(at + gap, count, flags, maps, cgroup));
            at += gap + count;
        }

        return [.. runs];
    }

    private static ulong ZigZag(ulong difference) => (difference << 1) ^ (ulong)((long)difference >> 63);

    private static ulong UnZigZag(ulong number) => (number >> 1) ^ (0 - (number & 1));

    private static bool TryRead(ReadOnlySpan<byte> content, ref int index, out ulong number)
    {
        number = 0;
        for (int shift = 0; shift < 64 && index < content.Length; shift += 7)
        {
            byte part = content[index++];
            number |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>Collects the runs of a note.</summary>
internal sealed class CoreBlockBuilder
{
    private readonly byte[] _bytes = new byte[CorePageFormat.BlockBytes + 64];
    private int _length = CorePageFormat.RangeBytes;

    /// <summary>Begins the first note.</summary>
    /// <param name="first">The first page or frame that it covers.</param>
    public CoreBlockBuilder(ulong first) => Begin(first);

    /// <summary>Whether the next run belongs to another note.</summary>
    public bool IsFull => _length >= CorePageFormat.BlockBytes;

    /// <summary>The page or frame after the last run.</summary>
    public ulong Last { get; set; }

    /// <summary>The number that the next run is encoded against.</summary>
    public ulong Number { get; set; }

    /// <inheritdoc cref="Number"/>
    public ulong Other { get; set; }

    /// <summary>Adds a number.</summary>
    public void Add(ulong number)
    {
        while (number >= 0x80)
        {
            _bytes[_length++] = (byte)(number | 0x80);
            number >>= 7;
        }

        _bytes[_length++] = (byte)number;
    }

    /// <summary>Returns the content of the note, and begins the next one.</summary>
    /// <param name="end">The page or frame after the last one that is covered.</param>
    public ReadOnlySpan<byte> Take(ulong end)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(8), end);
        byte[] content = _bytes[.._length];
        Begin(end);
        return content;
    }

    private void Begin(ulong first)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes, first);
        (Last, Number, Other, _length) = (first, 0, 0, CorePageFormat.RangeBytes);
    }
}

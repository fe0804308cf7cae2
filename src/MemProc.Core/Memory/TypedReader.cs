using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Reads values and structs, in chunks. Memory that cannot be read ends the enumeration with an error.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="reader">Reads the process.</param>
public sealed class TypedReader(MemoryTarget process, MemoryReader reader)
{
    /// <summary>Maximum length of the string that a <c>char*</c> points to, in bytes.</summary>
    public const int MaxTextBytes = 4096;

    private const int ChunkBytes = 256 * 1024;

    /// <summary>Maximum number of strings that are read together.</summary>
    private const int ChunkTexts = 4096;

    /// <summary>Maximum length of all strings that one struct points to, in characters.</summary>
    private const long MaxElementTextLength = 16 * 1024 * 1024;

    private readonly Lazy<DataModel> _model = new(() => DataModel.Of(process));

    /// <summary>The byte order of types that have none.</summary>
    public bool IsBigEndian { get; init; } = !BitConverter.IsLittleEndian;

    /// <summary>Encoding of strings of one-byte characters.</summary>
    public Encoding Encoding { get; init; } = Encoding.UTF8;

    /// <summary>Read everything before the first value is returned, so that the enumeration reads no memory.</summary>
    public bool ReadsAhead { get; init; }

    /// <summary>Returns the maximum number of bytes read: in a 32-bit process it can be less.</summary>
    /// <param name="layout">The struct.</param>
    /// <param name="count">Number of structs.</param>
    /// <param name="stride">Bytes from one struct to the next.</param>
    public static UInt128 MaxBytes(MemoryLayout layout, ulong count, ulong stride) =>
        (UInt128)(count - 1) * stride + (ulong)layout.DataBytes
        + (UInt128)count * (ulong)Math.Min(TextPointers(layout) * MaxTextBytes, MaxElementTextLength);

    /// <inheritdoc cref="MaxBytes(MemoryLayout, ulong, ulong)"/>
    /// <param name="type">Type of the values.</param>
    /// <param name="count">Number of values.</param>
    public static UInt128 MaxBytes(MemoryType type, ulong count) =>
        MaxBytes(MemoryLayout.Of(type), count, (ulong)type.SizeBytes);

    /// <summary>Reads consecutive values.</summary>
    /// <param name="address">Address of the first one.</param>
    /// <param name="type">Type of the values.</param>
    /// <param name="count">Their number, at least 1.</param>
    /// <returns>
    /// The results of <see cref="MemoryType.Decode"/>; for a pointer to a string the string, null where the pointer is
    /// null.
    /// </returns>
    /// <exception cref="MemProcException">ReadMemory: part of the range cannot be read.</exception>
    public IEnumerable<object?> Values(ulong address, MemoryType type, ulong count) =>
        Elements(address, MemoryLayout.Of(type.For(_model.Value)), count, distance: null)
            .Select(element => Decode(element, element.Chunk.Layout.Fields[0]));

    /// <summary>Reads structs.</summary>
    /// <param name="address">Address of the first one.</param>
    /// <param name="layout">Their layout.</param>
    /// <param name="count">Their number, at least 1.</param>
    /// <param name="stride">Bytes from one struct to the next; null: their size in the process.</param>
    /// <exception cref="MemProcException">ReadMemory: part of a struct cannot be read.</exception>
    public IEnumerable<MemoryRecord> Records(ulong address, MemoryLayout layout, ulong count, ulong? stride = null)
    {
        MemoryLayout actual = layout.For(_model.Value);
        return Elements(address, actual, count, stride).Select(element => new MemoryRecord(
            process.Identity, element.Address, actual, [.. actual.Fields.Select(field => Decode(element, field))]));
    }

    private IEnumerable<Element> Elements(ulong address, MemoryLayout layout, ulong count, ulong? distance)
    {
        ulong stride = distance ?? (ulong)layout.SizeBytes;
        UInt128 length = (UInt128)(count - 1) * stride + (ulong)layout.DataBytes;
        if (length > long.MaxValue)
        {
            throw new MemProcException(Operation.ReadMemory, Errno.EINVAL,
                $"{count} times {stride} bytes at 0x{address:x} exceed the address space of a process.", address);
        }

        UserRange.End(address, (ulong)length, Operation.ReadMemory);
        IEnumerable<Chunk> chunks = Chunks(address, layout, count, stride);
        return (ReadsAhead ? [.. chunks] : chunks).SelectMany(chunk => chunk.Elements());
    }

    private static long TextPointers(MemoryLayout layout) =>
        layout.Fields.Where(field => field.Type.IsTextPointer).Sum(field => (long)(field.Type.Count ?? 1));

    private IEnumerable<Chunk> Chunks(ulong address, MemoryLayout layout, ulong count, ulong stride)
    {
        // Memory between structs is not read where that can be avoided.
        bool isApart = stride > (ulong)layout.DataBytes + MachinePage.SizeBytes;
        ulong texts = (ulong)TextPointers(layout);
        ulong most = isApart ? 1
            : Math.Max(Math.Min(ChunkBytes / Math.Max(stride, 1), ChunkTexts / Math.Max(texts, 1)), 1);
        for (ulong done = 0; done < count;)
        {
            ulong elements = Math.Min(most, count - done);
            ulong at = address + done * stride;
            yield return reader.Abandonable(() => ReadChunk(at, layout, elements, stride));
            done += elements;
        }
    }

    private Chunk ReadChunk(ulong address, MemoryLayout layout, ulong count, ulong stride)
    {
        byte[] bytes = reader.ReadExactly(address, (count - 1) * stride + (ulong)layout.DataBytes);
        Chunk chunk = new(address, layout, stride, count, bytes);
        if (layout.HasTextPointers)
        {
            AddTexts(chunk);
        }

        return chunk;
    }

    private void AddTexts(Chunk chunk)
    {
        foreach (Element element in chunk.Elements())
        {
            long length = 0;
            foreach (MemoryField field in chunk.Layout.Fields.Where(field => field.Type.IsTextPointer))
            {
                for (int index = 0; index < (field.Type.Count ?? 1); index++)
                {
                    ulong pointer = element.Pointer(field, index);
                    if (pointer != 0 && !chunk.Texts.ContainsKey(pointer))
                    {
                        string text = ReadText(element, field, pointer);
                        chunk.Texts.Add(pointer, text);
                        length += text.Length;
                        if (length > MaxElementTextLength)
                        {
                            throw process.Failure(Operation.ReadMemory, Errno.E2BIG,
                                $"the strings that the pointers at 0x{element.Address:x} point to exceed "
                                + $"{MaxElementTextLength} characters; read fewer of them", element.Address);
                        }
                    }
                }
            }
        }
    }

    private string ReadText(Element element, MemoryField field, ulong pointer)
    {
        string where = field.Name.Length == 0
            ? $"the string that the pointer at 0x{element.Address:x} points to"
            : $"the string of field '{SafeText.Escape(field.Name)}' of the struct at 0x{element.Address:x}";
        try
        {
            string text = reader.ReadText(pointer, MaxTextBytes, Encoding, out bool isEnded);
            return isEnded
                ? text
                : throw process.Failure(Operation.ReadMemory, Errno.E2BIG,
                    $"{where} does not end within {MaxTextBytes} bytes of 0x{pointer:x}; read it as a pointer", pointer);
        }
        catch (MemProcException error) when (error.Errno is not (Errno.ESRCH or Errno.E2BIG))
        {
            throw new MemProcException(error.Operation, error.Errno, $"{error.Message} This is {where}.", pointer);
        }
    }

    private object? Decode(Element element, MemoryField field)
    {
        if (!field.Type.IsTextPointer)
        {
            return field.Type.Decode(element.Bytes[field.Offset..], IsBigEndian, Encoding);
        }

        return field.Type.Count is int count
            ? Enumerable.Range(0, count).Select(index => element.Text(field, index)).ToArray()
            : element.Text(field, 0);
    }

    /// <summary>Structs that were read together, and the strings that they point to.</summary>
    private sealed record Chunk(ulong Address, MemoryLayout Layout, ulong Stride, ulong Count, byte[] Bytes)
    {
        public Dictionary<ulong, string> Texts { get; } = [];

        public IEnumerable<Element> Elements()
        {
            for (ulong index = 0; index < Count; index++)
            {
                yield return new Element(this, index * Stride);
            }
        }
    }

    /// <summary>One struct of a chunk.</summary>
    private readonly record struct Element(Chunk Chunk, ulong Offset)
    {
        public ulong Address => Chunk.Address + Offset;

        public ReadOnlySpan<byte> Bytes => Chunk.Bytes.AsSpan((int)Offset);

        public ulong Pointer(MemoryField field, int index) =>
            (ulong)MemoryValue.Decode(
                Bytes[(field.Offset + index * MemoryValue.SizeOf(field.Type.Value))..], field.Type.Value);

        public string? Text(MemoryField field, int index) => Chunk.Texts.GetValueOrDefault(Pointer(field, index));
    }
}

using System.Text;

namespace MemProc;

/// <summary>A string table: NUL-terminated strings, found by their offset.</summary>
internal sealed class ElfStringTable
{
    /// <summary>Tables up to this size are read at once; of larger ones only the requested strings.</summary>
    private const ulong CachedBytes = 32 * 1024 * 1024;
    private const int InitialChunk = 256;

    /// <summary>
    /// Names can share bytes, in a valid table a few times over. In a malformed one each could be as long as the table.
    /// </summary>
    private const ulong ExpectedSharing = 16;

    /// <summary>Bytes of all names that are read in a pass, whatever size the table claims.</summary>
    private const ulong MaxBytes = 1UL << 32;

    /// <summary>Bytes of the longest name.</summary>
    private const int MaxNameBytes = 1 << 20;

    private readonly ElfSource _source;
    private readonly ulong _offset;
    private readonly ulong _length;
    private readonly byte[]? _bytes;
    private ulong _readBudget;

    /// <summary>Opens a table.</summary>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: it extends past the end of the image.</exception>
    public ElfStringTable(ElfSource source, ulong offset, ulong length)
    {
        _source = source;
        _offset = offset;
        _length = length;
        BeginPass();
        if (!source.Contains(offset, length))
        {
            throw source.Malformed($"its string table at offset 0x{offset:x} extends past its end");
        }

        _bytes = length <= CachedBytes ? source.ReadExactly(offset, length, "its string table") : null;
    }

    /// <summary>The string at an offset.</summary>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: there is none, or the strings overlap too much.</exception>
    public string this[uint offset]
    {
        get
        {
            if (offset == 0)
            {
                return string.Empty;
            }

            if (offset >= _length)
            {
                throw _source.Malformed($"a name is at offset 0x{offset:x} of a string table of {_length} bytes");
            }

            ReadOnlySpan<byte> text = _bytes is null ? Fetch(offset) : _bytes.AsSpan((int)offset);
            int end = text.IndexOf((byte)0);
            text = end < 0 ? text : text[..end];
            if (text.Length > MaxNameBytes)
            {
                throw _source.Malformed($"a name has more than {MaxNameBytes} bytes");
            }

            if ((ulong)text.Length > _readBudget)
            {
                throw _source.Malformed("its names overlap too much");
            }

            _readBudget -= (ulong)text.Length;
            return Encoding.UTF8.GetString(text);
        }
    }

    /// <summary>Allows all strings to be read once more.</summary>
    public void BeginPass() =>
        _readBudget = (1 << 20) + (_length < MaxBytes / ExpectedSharing ? _length * ExpectedSharing : MaxBytes);

    private ReadOnlySpan<byte> Fetch(uint offset)
    {
        for (int size = InitialChunk; ; size *= 4)
        {
            ulong rest = _length - offset;
            byte[] chunk = _source.ReadExactly(_offset + offset, Math.Min((ulong)size, rest), "its string table");
            if ((ulong)chunk.Length == rest || chunk.Length > MaxNameBytes || chunk.Contains((byte)0))
            {
                return chunk;
            }
        }
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>A file that procfs had of the process, in parts of a core that are decompressed when they are read.</summary>
/// <param name="source">The bytes of the core.</param>
internal sealed class CoreText(ElfSource source)
{
    private readonly List<Part> _parts = [];
    private bool _isComplete;

    /// <summary>Length of the text in bytes.</summary>
    public ulong Length => _parts.Count == 0 ? 0 : _parts[^1].Offset + (ulong)_parts[^1].Length;

    /// <summary>Adds a part. One that does not continue the text is malformed, or its predecessor is: it is left out.</summary>
    /// <param name="offset">Offset in the text.</param>
    /// <param name="length">Length in the text; 0: the text ends here.</param>
    /// <param name="dataAt">Offset of the compressed bytes in the core.</param>
    /// <param name="dataLength">Their length.</param>
    public void Add(ulong offset, int length, ulong dataAt, int dataLength)
    {
        if (offset == Length && !_isComplete)
        {
            _isComplete = length == 0;
            if (length > 0)
            {
                _parts.Add(new Part(offset, length, dataAt, dataLength));
            }
        }
    }

    /// <summary>Opens the text.</summary>
    public TargetText Open() => new Reader(this);

    private ElfSource Source => source;

    /// <summary>Returns the index of the part that holds an offset of the text.</summary>
    private int IndexAt(ulong offset)
    {
        int low = 0;
        for (int high = _parts.Count - 1; low < high;)
        {
            int middle = (low + high) / 2;
            (low, high) = _parts[middle].Offset + (ulong)_parts[middle].Length > offset ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    private sealed record Part(ulong Offset, int Length, ulong DataAt, int DataLength);

    private sealed class Reader(CoreText text) : TargetText
    {
        private Part? _open;
        private byte[] _bytes = [];

        public override Errno TryRead(Span<byte> buffer, ulong offset, out int read)
        {
            read = 0;
            if (offset >= text.Length)
            {
                // The rest was cut off.
                return text._isComplete ? Errno.None : Errno.ENODATA;
            }

            Part part = text._parts[text.IndexAt(offset)];
            if (part != _open)
            {
                byte[] compressed = new byte[part.DataLength];
                int found = text.Source.Read(part.DataAt, compressed);
                _bytes = CorePageFormat.Inflate(compressed[..found], part.Length);
                _open = part;
            }

            ReadOnlySpan<byte> rest = _bytes.AsSpan((int)Math.Min(offset - part.Offset, (ulong)_bytes.Length));
            rest[..Math.Min(rest.Length, buffer.Length)].CopyTo(buffer);
            read = Math.Min(rest.Length, buffer.Length);
            return read > 0 ? Errno.None : Errno.ENODATA;
        }
    }
}

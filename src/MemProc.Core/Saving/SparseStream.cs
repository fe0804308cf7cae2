namespace MemProc;

/// <summary>A file in which zeros are holes.</summary>
internal sealed class SparseStream : DumpStream
{
    private readonly NewFile _file;

    public SparseStream(NewFile file, int headBytes)
    {
        _file = file;
        Position = (ulong)headBytes;
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(_file.Handle, bytes, (long)Position);
        Position += (ulong)bytes.Length;
    }

    /// <inheritdoc/>
    public override void Skip(ulong length) => Position += length;

    /// <inheritdoc/>
    public override ulong End(ReadOnlySpan<byte> head)
    {
        RandomAccess.Write(_file.Handle, head, 0);
        RandomAccess.SetLength(_file.Handle, (long)Position);
        return Position;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        // The file is its owner's.
    }
}

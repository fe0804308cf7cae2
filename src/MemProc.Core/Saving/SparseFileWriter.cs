using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>A file in which zeros are holes.</summary>
internal sealed class SparseFileWriter : DumpFileWriter
{
    private readonly SafeFileHandle _file;

    public SparseFileWriter(SafeFileHandle file, int headerBytes)
    {
        _file = file;
        Position = (ulong)headerBytes;
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(_file, bytes, (long)Position);
        Position += (ulong)bytes.Length;
    }

    /// <inheritdoc/>
    public override void Skip(ulong length) => Position += length;

    /// <inheritdoc/>
    public override ulong End(ReadOnlySpan<byte> header)
    {
        RandomAccess.Write(_file, header, 0);
        RandomAccess.SetLength(_file, (long)Position);
        return Position;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        // The caller owns the file.
    }
}

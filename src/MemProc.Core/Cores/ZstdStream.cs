using System.Runtime.CompilerServices;
using ZstdSharp;

namespace MemProc;

/// <summary>
/// Decompresses zstd. The library is loaded when the first such file is opened: nothing else in this assembly refers to it.
/// </summary>
/// <param name="decompressor">The stream of the library.</param>
internal sealed class ZstdStream(DecompressionStream decompressor) : Stream
{
    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Decompresses a stream. A window of more than 128 MiB is refused, as by the program zstd.</summary>
    /// <param name="compressed">The compressed bytes.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Stream Open(Stream compressed) => new ZstdStream(new DecompressionStream(compressed));

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    /// <exception cref="EndOfStreamException">It was cut off.</exception>
    public override int Read(byte[] buffer, int offset, int count)
    {
        try
        {
            return decompressor.Read(buffer, offset, count);
        }
        catch (ZstdException error)
        {
            throw new InvalidDataException(error.Message, error);
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            decompressor.Dispose();
        }

        base.Dispose(disposing);
    }
}

using System.Runtime.CompilerServices;
using ZstdSharp;

namespace MemProc;

/// <summary>
/// Decompresses zstd. The library is loaded when the first such file is opened: nothing else in this assembly refers to it.
/// </summary>
/// <param name="decompressor">The stream of the library.</param>
internal sealed class ZstdStream(DecompressionStream decompressor) : ForwardStream
{
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
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            decompressor.Dispose();
        }

        base.Dispose(disposing);
    }
}

/// <summary>A stream that is read from its start to its end.</summary>
internal abstract class ForwardStream : Stream
{
    /// <inheritdoc/>
    public sealed override bool CanRead => true;

    /// <inheritdoc/>
    public sealed override bool CanSeek => false;

    /// <inheritdoc/>
    public sealed override bool CanWrite => false;

    /// <inheritdoc/>
    public sealed override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public sealed override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public sealed override void Flush()
    {
    }

    /// <inheritdoc/>
    public sealed override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public sealed override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public sealed override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

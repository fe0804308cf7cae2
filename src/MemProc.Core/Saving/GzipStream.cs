using System.IO.Compression;

namespace MemProc;

/// <summary>
/// A gzip file of two members, which is what RFC 1952 calls files one behind the other; whoever unpacks it gets one
/// stream. The first holds the head without compression, so that it can be written when the second is complete.
/// </summary>
internal sealed class GzipStream : DumpStream
{
    private static readonly byte[] Zeros = new byte[64 * 1024];

    private readonly NewFile _file;
    private readonly FileStream _stream;
    private readonly GZipStream _gzip;
    private readonly int _memberBytes;

    public GzipStream(NewFile file, int headBytes)
    {
        _file = file;
        _stream = new FileStream(file.Handle, FileAccess.Write, bufferSize: 128 * 1024);
        byte[] head = Stored(new byte[headBytes]);
        _memberBytes = head.Length;
        _stream.Write(head);
        _gzip = new GZipStream(_stream, CompressionLevel.Fastest, leaveOpen: true);
        Position = (ulong)headBytes;
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> bytes)
    {
        _gzip.Write(bytes);
        Position += (ulong)bytes.Length;
    }

    /// <inheritdoc/>
    public override void Skip(ulong length)
    {
        for (ulong rest = length; rest > 0;)
        {
            int piece = (int)Math.Min(rest, (ulong)Zeros.Length);
            _gzip.Write(Zeros, 0, piece);
            rest -= (ulong)piece;
        }

        Position += length;
    }

    /// <inheritdoc/>
    public override ulong End(ReadOnlySpan<byte> head)
    {
        _gzip.Dispose();
        _stream.Flush();
        byte[] member = Stored(head);
        if (member.Length != _memberBytes)
        {
            throw new InvalidOperationException("Bytes that are stored have a length that depends on their number alone.");
        }

        RandomAccess.Write(_file.Handle, member, 0);
        return (ulong)RandomAccess.GetLength(_file.Handle);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        try
        {
            _gzip.Dispose();
            _stream.Dispose();
        }
        catch (IOException)
        {
            // A file that failed fails again when its rest is to be written, and is removed anyway.
        }
    }

    /// <summary>Bytes as a gzip member without compression.</summary>
    private static byte[] Stored(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return [];
        }

        using MemoryStream member = new();
        using (GZipStream gzip = new(member, CompressionLevel.NoCompression, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        return member.ToArray();
    }
}

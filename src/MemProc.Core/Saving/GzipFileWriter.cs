using System.IO.Compression;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// A gzip file of two members (RFC 1952), which unpack to one stream. The first holds the header without compression,
/// so that it can be written when the second is complete.
/// </summary>
internal sealed class GzipFileWriter : DumpFileWriter
{
    private static readonly byte[] Zeros = new byte[64 * 1024];

    private readonly SafeFileHandle _file;
    private readonly FileStream _stream;
    private readonly GZipStream _gzip;
    private readonly int _memberBytes;

    public GzipFileWriter(SafeFileHandle file, int headerBytes)
    {
        _file = file;
        _stream = new FileStream(Borrow(file), FileAccess.Write, bufferSize: 128 * 1024);
        byte[] header = Stored(new byte[headerBytes]);
        _memberBytes = header.Length;
        _stream.Write(header);
        _gzip = new GZipStream(_stream, CompressionLevel.Fastest, leaveOpen: true);
        Position = (ulong)headerBytes;
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
            int chunk = (int)Math.Min(rest, (ulong)Zeros.Length);
            _gzip.Write(Zeros, 0, chunk);
            rest -= (ulong)chunk;
        }

        Position += length;
    }

    /// <inheritdoc/>
    public override ulong End(ReadOnlySpan<byte> header)
    {
        _gzip.Dispose();
        _stream.Flush();
        byte[] member = Stored(header);
        if (member.Length != _memberBytes)
        {
            throw new InvalidOperationException("The length of a stored member depends on the number of its bytes alone.");
        }

        RandomAccess.Write(_file, member, 0);
        return (ulong)RandomAccess.GetLength(_file);
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
            // After a write error the rest cannot be written either, and the file is removed.
        }
    }

    /// <summary>The same open file under a handle that does not close it.</summary>
    private static SafeFileHandle Borrow(SafeFileHandle file) => new(file.DangerousGetHandle(), ownsHandle: false);

    /// <summary>Encodes bytes as a gzip member without compression.</summary>
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

using System.IO.Compression;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>Opens the bytes of a core for random access, compressed ones too.</summary>
internal static class CoreStorage
{
    private const int BufferBytes = 256 * 1024;

    /// <summary>Zeros that are left as a hole in the decompressed file.</summary>
    private const int HoleBytes = 4096;

    /// <summary>Opens a core.</summary>
    /// <param name="path">The path.</param>
    /// <param name="cancellation">Stops the decompression, and reads.</param>
    /// <param name="modified">When the file was changed last.</param>
    /// <param name="fault">Why a compressed file was not read to its end: it was cut off, or is damaged; else null.</param>
    /// <exception cref="MemProcException">
    /// ReadElf: it cannot be opened. ReadCore: ENOEXEC where it is compressed in another way, EIO where nothing of it can be
    /// decompressed, ENOSPC where there is no space for the decompressed file.
    /// </exception>
    public static ElfSource Open(string path, CancellationToken cancellation, out DateTimeOffset modified, out string? fault)
    {
        fault = null;
        ElfFileSource source = ElfFileSource.Open(path, cancellation);
        try
        {
            modified = File.GetLastWriteTime(path);
            Span<byte> magic = stackalloc byte[4];
            int read = source.Read(0, magic);
            if (read >= 2 && magic[0] == 0x1f && magic[1] == 0x8b)
            {
                using ElfSource compressed = source;
                return Decompress(
                    compressed, new GZipStream(new SourceStream(compressed), CompressionMode.Decompress), cancellation, out fault);
            }

            if (read == magic.Length && magic.SequenceEqual<byte>([0x28, 0xb5, 0x2f, 0xfd]))
            {
                using ElfSource compressed = source;
                return Decompress(compressed, ZstdStream.Open(new SourceStream(compressed)), cancellation, out fault);
            }

            // systemd-coredump can write the first two, too, by its configuration.
            if (read == magic.Length && UnreadCompression(magic) is (string format, string tool))
            {
                throw new MemProcException(Operation.ReadCore, Errno.ENOEXEC,
                    $"{SafeText.Escape(path)} is compressed with {format}. MemProc reads cores that are compressed with gzip or "
                    + $"zstd: decompress it with {tool} -d.", path);
            }

            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Returns format and program by the first bytes of a file that is compressed otherwise; null for other files.</summary>
    private static (string Format, string Tool)? UnreadCompression(ReadOnlySpan<byte> magic) => magic switch
    {
        [0xfd, (byte)'7', (byte)'z', (byte)'X'] => ("xz", "xz"),
        [0x04, 0x22, 0x4d, 0x18] => ("LZ4", "lz4"),
        [(byte)'B', (byte)'Z', (byte)'h', _] => ("bzip2", "bzip2"),
        _ => null,
    };

    /// <summary>Decompresses a file into a temporary one without a name. Pages of zeros are holes in it.</summary>
    private static DecompressedSource Decompress(
        ElfSource source, Stream stream, CancellationToken cancellation, out string? fault)
    {
        string folder = Path.GetTempPath();
        SafeFileHandle? file = null;
        try
        {
            file = CreateUnnamed(folder);
            using Stream decompressed = stream;
            byte[] buffer = new byte[BufferBytes];
            long length = 0;
            for (int read; (read = Fill(stream, buffer, out fault)) > 0; length += read)
            {
                cancellation.ThrowIfCancellationRequested();
                Write(file, buffer.AsSpan(0, read), length);
                if (fault is not null)
                {
                    length += read;
                    break;
                }
            }

            if (length == 0 && fault is not null)
            {
                throw new InvalidDataException(fault);
            }

            RandomAccess.SetLength(file, length);
            return new DecompressedSource(file, source.Name, (ulong)length);
        }
        catch (Exception error) when (error is IOException or InvalidDataException or UnauthorizedAccessException or ErrnoException)
        {
            file?.Dispose();
            Errno errno = error is InvalidDataException ? Errno.EIO : ErrnoOf(error);
            throw new MemProcException(Operation.ReadCore, errno,
                $"{SafeText.Escape(source.Name)} cannot be decompressed into {SafeText.Escape(folder)}: "
                + $"{SafeText.Escape(error.Message)} ({errno}). TMPDIR selects another folder.", source.Name);
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    /// <summary>Fills a buffer, up to the end of a stream or to what cannot be decompressed.</summary>
    private static int Fill(Stream stream, byte[] buffer, out string? fault)
    {
        int filled = 0;
        fault = null;
        try
        {
            for (int read; filled < buffer.Length && (read = stream.Read(buffer, filled, buffer.Length - filled)) > 0;)
            {
                filled += read;
            }
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            // The file that is decompressed was cut off: what precedes the end is read.
            fault = error.Message;
        }

        return filled;
    }

    /// <summary>Creates a file that no one else can open, and that is gone when it is closed.</summary>
    /// <exception cref="ErrnoException">It cannot be created.</exception>
    public static SafeFileHandle CreateUnnamed(string path)
    {
        using SafeFileHandle folder = Libc.OpenAt(null, path, OpenAccess.PathOnly);
        if (Libc.TryCreateUnnamed(folder, out SafeFileHandle? file, OpenAccess.ReadWrite) == Errno.None)
        {
            return file!;
        }

        // A file system without O_TMPFILE.
        string name = Path.GetRandomFileName();
        Errno errno = Libc.TryCreateAt(folder, name, out SafeFileHandle? created);
        using (created)
        {
            errno = created is null ? errno
                : Libc.TryOpenAt(folder, name, OpenAccess.ReadWrite, out file, followLinks: false);
            if (created is not null)
            {
                Libc.TryUnlinkAt(folder, name);
            }
        }

        return file ?? throw new ErrnoException("open", errno);
    }

    private static Errno ErrnoOf(Exception error) => error is ErrnoException known ? known.Errno
        : error is IOException && error.HResult is > 0 and < 200
        ? (Errno)error.HResult
        : Errno.EIO;

    /// <summary>Writes bytes, and leaves pages of zeros as holes.</summary>
    private static void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset)
    {
        for (int at = 0; at < bytes.Length;)
        {
            int end = at;
            while (end < bytes.Length && bytes.Slice(end, Math.Min(HoleBytes, bytes.Length - end)).ContainsAnyExcept((byte)0))
            {
                end += Math.Min(HoleBytes, bytes.Length - end);
            }

            if (end > at)
            {
                RandomAccess.Write(file, bytes[at..end], offset + at);
            }

            at = end + HoleBytes;
        }
    }

    /// <summary>The bytes of a temporary file without a name.</summary>
    internal sealed class DecompressedSource(SafeFileHandle file, string name, ulong length) : ElfSource
    {
        public override string Name => name;

        public override ulong Length => length;

        public override int Read(ulong offset, Span<byte> buffer)
        {
            int done = 0;
            while (done < buffer.Length && offset + (ulong)done < length)
            {
                int read = RandomAccess.Read(file, buffer[done..], (long)offset + done);
                if (read == 0)
                {
                    break;
                }

                done += read;
            }

            return done;
        }

        internal override bool TryFindStored(ulong offset, out ulong start, out ulong end) =>
            Libc.TryFindStored(file, offset, out start, out end) is bool found ? found
                : base.TryFindStored(offset, out start, out end);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                file.Dispose();
            }

            base.Dispose(disposing);
        }
    }

    /// <summary>The bytes of a source, one after the other.</summary>
    private sealed class SourceStream(ElfSource source) : ForwardStream
    {
        private ulong _at;

        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = source.Read(_at, buffer.AsSpan(offset, count));
            _at += (ulong)read;
            return read;
        }
    }
}

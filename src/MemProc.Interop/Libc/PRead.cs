using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>pread(2): reads at an offset; 0 bytes mean end of file.</summary>
    /// <param name="file">An open file.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="offset">Offset in bytes. For the kernel it is signed: EINVAL from 2^63 on.</param>
    /// <param name="read">Bytes read; may be fewer than requested.</param>
    public static unsafe Errno TryPRead(SafeFileHandle file, Span<byte> buffer, ulong offset, out int read)
    {
        fixed (byte* pointer = buffer)
        {
            nint count;
            do
            {
                count = pread(file, pointer, (nuint)buffer.Length, (long)offset);
            }
            while (count < 0 && LastErrno == Errno.EINTR);

            read = count < 0 ? 0 : (int)count;
            return count < 0 ? LastErrno : Errno.None;
        }
    }

    /// <summary>pread(2), repeated until the buffer is full or the file ends.</summary>
    /// <returns>The bytes read.</returns>
    /// <exception cref="ErrnoException">A read failed.</exception>
    public static int PReadFully(SafeFileHandle file, Span<byte> buffer, ulong offset) =>
        TryPReadFully(file, buffer, offset, out int read) is Errno errno and not Errno.None
            ? throw new ErrnoException("pread", errno)
            : read;

    /// <summary>pread(2), repeated until the buffer is full, the file ends, or a read fails.</summary>
    /// <param name="file">An open file.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="offset">Offset in bytes.</param>
    /// <param name="read">Bytes read, also before a failure.</param>
    public static Errno TryPReadFully(SafeFileHandle file, Span<byte> buffer, ulong offset, out int read)
    {
        read = 0;
        while (read < buffer.Length)
        {
            Errno errno = TryPRead(file, buffer[read..], offset + (ulong)read, out int count);
            if (errno != Errno.None || count == 0)
            {
                return errno;
            }

            read += count;
        }

        return Errno.None;
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint pread(SafeFileHandle fd, byte* buffer, nuint count, long offset);
}

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
    public static int PReadFully(SafeFileHandle file, Span<byte> buffer, ulong offset)
    {
        int done = 0;
        while (done < buffer.Length)
        {
            Errno errno = TryPRead(file, buffer[done..], offset + (ulong)done, out int read);
            if (errno != Errno.None)
            {
                throw new ErrnoException("pread", errno);
            }

            if (read == 0)
            {
                break;
            }

            done += read;
        }

        return done;
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint pread(SafeFileHandle fd, byte* buffer, nuint count, long offset);
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>
    /// getdents64(2): returns the names in an open directory, without <c>.</c> and <c>..</c>, in the order of the file
    /// system, by <see cref="PathText"/>.
    /// </summary>
    /// <param name="directory">The directory, open for reading at its start.</param>
    /// <exception cref="ErrnoException">A read failed.</exception>
    public static IEnumerable<string> ReadDirectory(SafeFileHandle directory)
    {
        // struct linux_dirent64: inode, offset, length of the record in 16 bits, type, name with a NUL.
        const int LengthAt = 16;
        const int NameAt = 19;
        byte[] buffer = new byte[32 * 1024];
        while (true)
        {
            Errno errno = TryGetDents(directory, buffer, out int filled);
            if (errno != Errno.None)
            {
                throw new ErrnoException("getdents64", errno);
            }

            if (filled == 0)
            {
                yield break;
            }

            for (int at = 0; at + NameAt < filled;)
            {
                int length = BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(at + LengthAt));
                ReadOnlySpan<byte> name = buffer.AsSpan(at + NameAt, length - NameAt);
                string text = PathText.Decode(name[..name.IndexOf((byte)0)]);
                at += length;
                if (text is not ("." or ".."))
                {
                    yield return text;
                }
            }
        }
    }

    private static unsafe Errno TryGetDents(SafeFileHandle directory, byte[] buffer, out int filled)
    {
        fixed (byte* pointer = buffer)
        {
            nint count;
            do
            {
                count = getdents64(directory, pointer, (nuint)buffer.Length);
            }
            while (count < 0 && LastErrno == Errno.EINTR);

            filled = count < 0 ? 0 : (int)count;
            return count < 0 ? LastErrno : Errno.None;
        }
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint getdents64(SafeFileHandle fd, byte* buffer, nuint size);
}

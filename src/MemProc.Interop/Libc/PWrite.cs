using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>pwrite(2): writes at an offset.</summary>
    /// <param name="file">A file open for writing.</param>
    /// <param name="buffer">The bytes.</param>
    /// <param name="offset">Offset in bytes. For the kernel it is signed: EINVAL from 2^63 on.</param>
    /// <param name="written">Bytes written; may be fewer than requested.</param>
    public static unsafe Errno TryPWrite(
        SafeFileHandle file, ReadOnlySpan<byte> buffer, ulong offset, out int written)
    {
        fixed (byte* pointer = buffer)
        {
            nint count;
            do
            {
                count = pwrite(file, pointer, (nuint)buffer.Length, (long)offset);
            }
            while (count < 0 && LastErrno == Errno.EINTR);

            written = count < 0 ? 0 : (int)count;
            return count < 0 ? LastErrno : Errno.None;
        }
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint pwrite(SafeFileHandle fd, byte* buffer, nuint count, long offset);
}

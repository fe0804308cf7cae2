using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>
    /// write(2): writes at the file's current position. Some files of the kernel, such as those of debugfs, have no position
    /// and refuse pwrite(2) with ESPIPE.
    /// </summary>
    /// <param name="file">A file open for writing.</param>
    /// <param name="buffer">The bytes.</param>
    /// <param name="written">Bytes written; may be fewer than requested.</param>
    public static unsafe Errno TryWrite(SafeFileHandle file, ReadOnlySpan<byte> buffer, out int written)
    {
        fixed (byte* pointer = buffer)
        {
            nint count;
            do
            {
                count = write(file, pointer, (nuint)buffer.Length);
            }
            while (count < 0 && LastErrno == Errno.EINTR);

            written = count < 0 ? 0 : (int)count;
            return count < 0 ? LastErrno : Errno.None;
        }
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint write(SafeFileHandle fd, byte* buffer, nuint count);
}

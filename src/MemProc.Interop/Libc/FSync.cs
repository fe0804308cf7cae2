using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>fsync(2): waits until the data of a file is on its device.</summary>
    /// <param name="file">The file.</param>
    /// <returns>EINVAL: the file system has nothing to synchronize; EIO, ENOSPC: data could not be written.</returns>
    public static Errno TryFSync(SafeFileHandle file)
    {
        int result;
        do
        {
            result = fsync(file);
        }
        while (result < 0 && LastErrno == Errno.EINTR);

        return result < 0 ? LastErrno : Errno.None;
    }

    [LibraryImport(Library, SetLastError = true)]
    private static partial int fsync(SafeFileHandle file);
}

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>fstatfs(2): returns which file system holds an open file.</summary>
    /// <param name="file">The file; O_PATH suffices.</param>
    /// <param name="type">The magic number of the file system, of <c>include/uapi/linux/magic.h</c>.</param>
    public static unsafe Errno TryFStatFs(SafeFileHandle file, out uint type)
    {
        // struct statfs has 120 bytes; the type comes first.
        const int Words = 32;
        long* status = stackalloc long[Words];
        status[0] = 0;
        int result;
        do
        {
            result = fstatfs(file, status);
        }
        while (result < 0 && LastErrno == Errno.EINTR);

        type = (uint)status[0];
        return result < 0 ? LastErrno : Errno.None;
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial int fstatfs(SafeFileHandle fd, long* status);
}

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>ioctl(2) with a pointer argument. Only the typed wrappers of requests call it.</summary>
    internal static unsafe Errno TryIoctl(SafeFileHandle file, uint request, void* argument, out int result)
    {
        do
        {
            result = ioctl(file, request, argument);
        }
        while (result < 0 && LastErrno == Errno.EINTR);

        return result < 0 ? LastErrno : Errno.None;
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial int ioctl(SafeFileHandle fd, nuint request, void* argument);
}

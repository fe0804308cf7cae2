using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>readlinkat(2): reads a symbolic link that is open with O_PATH.</summary>
    /// <param name="link">The link.</param>
    /// <param name="target">The path that it holds, by <see cref="PathText"/>.</param>
    public static unsafe Errno TryReadLink(SafeFileHandle link, out string target)
    {
        const int MaxPathBytes = 4096;
        byte* buffer = stackalloc byte[MaxPathBytes];
        nint length = readlinkat(link, string.Empty, buffer, MaxPathBytes);
        target = length < 0 ? string.Empty : PathText.Decode(new ReadOnlySpan<byte>(buffer, (int)length));
        return length < 0 ? LastErrno : length == MaxPathBytes ? Errno.ENAMETOOLONG : Errno.None;
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint readlinkat(
        SafeFileHandle directory, [MarshalUsing(typeof(PathMarshaller))] string path, byte* buffer, nuint size);
}

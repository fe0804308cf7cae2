using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int RemoveDirectory = 0x200;

    /// <summary>unlinkat(2): removes a file, or an empty directory. Symbolic links are removed, not followed.</summary>
    /// <param name="directory">The directory that it is in.</param>
    /// <param name="name">Its name.</param>
    /// <param name="isDirectory">It is a directory.</param>
    public static Errno TryUnlinkAt(SafeFileHandle directory, string name, bool isDirectory = false) =>
        unlinkat(directory, name, isDirectory ? RemoveDirectory : 0) < 0 ? LastErrno : Errno.None;

    [LibraryImport(
        Library, SetLastError = true, StringMarshalling = StringMarshalling.Custom,
        StringMarshallingCustomType = typeof(PathMarshaller))]
    private static partial int unlinkat(SafeFileHandle directory, string path, int flags);
}

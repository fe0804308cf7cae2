using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>The mode 0700.</summary>
    private const int OwnerAll = 0x1c0;

    /// <summary>mkdirat(2): creates a directory that only its owner may use.</summary>
    /// <param name="directory">The directory that it is created in.</param>
    /// <param name="name">Its name.</param>
    /// <returns>EEXIST: something of that name exists.</returns>
    public static Errno TryMakeDirectoryAt(SafeFileHandle directory, string name) =>
        mkdirat(directory, name, OwnerAll) < 0 ? LastErrno : Errno.None;

    [LibraryImport(
        Library, SetLastError = true, StringMarshalling = StringMarshalling.Custom,
        StringMarshallingCustomType = typeof(PathMarshaller))]
    private static partial int mkdirat(SafeFileHandle directory, string path, int mode);
}

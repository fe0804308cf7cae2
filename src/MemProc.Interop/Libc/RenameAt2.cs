using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const uint RenameNoReplace = 1;

    /// <summary>renameat2(2) within a directory (Linux 3.15).</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="from">The present name.</param>
    /// <param name="to">The new name.</param>
    /// <param name="replace">Replace what has the new name. A symbolic link there is replaced, not followed.</param>
    /// <returns>EEXIST: the new name is taken; EINVAL: the file system cannot check that in the same step.</returns>
    public static Errno TryRenameAt(SafeFileHandle directory, string from, string to, bool replace) =>
        renameat2(directory, from, directory, to, replace ? 0 : RenameNoReplace) < 0 ? LastErrno : Errno.None;

    [LibraryImport(
        Library, SetLastError = true, StringMarshalling = StringMarshalling.Custom,
        StringMarshallingCustomType = typeof(PathMarshaller))]
    private static partial int renameat2(
        SafeFileHandle oldDirectory, string oldPath, SafeFileHandle newDirectory, string newPath, uint flags);
}

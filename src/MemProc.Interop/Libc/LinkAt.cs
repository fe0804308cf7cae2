using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int SymbolicLinkFollow = 0x400;

    /// <summary>linkat(2): gives an open file a name, such as one that was created without.</summary>
    /// <param name="file">The open file.</param>
    /// <param name="directory">The directory.</param>
    /// <param name="name">The name.</param>
    /// <returns>EEXIST: the name is taken; ENOENT: procfs is not mounted.</returns>
    public static Errno TryLinkAt(SafeFileHandle file, SafeFileHandle directory, string name)
    {
        bool referenced = false;
        try
        {
            // The handle's own path (AT_EMPTY_PATH) requires CAP_DAC_READ_SEARCH.
            file.DangerousAddRef(ref referenced);
            string path = $"/proc/self/fd/{file.DangerousGetHandle()}";
            return linkat(CurrentDirectory, path, directory, name, SymbolicLinkFollow) < 0 ? LastErrno : Errno.None;
        }
        finally
        {
            if (referenced)
            {
                file.DangerousRelease();
            }
        }
    }

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int linkat(int oldDirectory, string oldPath, SafeFileHandle newDirectory, string newPath, int flags);
}

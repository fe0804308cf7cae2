using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int FileAdviceDontNeed = 4;

    /// <summary>
    /// posix_fadvise(2) with POSIX_FADV_DONTNEED for a whole file: drops its clean pages that no process maps from the page
    /// cache.
    /// </summary>
    /// <param name="file">The file.</param>
    public static Errno TryDropPages(SafeFileHandle file) => (Errno)posix_fadvise(file, 0, 0, FileAdviceDontNeed);

    [LibraryImport(Library)]
    private static partial int posix_fadvise(SafeFileHandle file, long offset, long length, int advice);
}

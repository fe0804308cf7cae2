using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int SeekData = 3;
    private const int SeekHole = 4;

    /// <summary>
    /// Finds the next bytes of a file that are stored, after a hole of a sparse file (SEEK_DATA and SEEK_HOLE of lseek(2)).
    /// </summary>
    /// <param name="file">The file. Its position changes.</param>
    /// <param name="offset">Where to begin.</param>
    /// <param name="start">Offset of the first stored byte at or after it.</param>
    /// <param name="end">Offset of the next hole, or of the end of the file.</param>
    /// <returns>False where only a hole follows; null where the file system does not know.</returns>
    public static bool? TryFindStored(SafeFileHandle file, ulong offset, out ulong start, out ulong end)
    {
        end = 0;
        Errno errno = TrySeek(file, offset, SeekData, out start);
        if (errno == Errno.None)
        {
            errno = TrySeek(file, start, SeekHole, out end);
        }

        return errno == Errno.None ? true : errno == Errno.ENXIO ? false : null;
    }

    private static Errno TrySeek(SafeFileHandle file, ulong offset, int whence, out ulong result)
    {
        result = 0;
        if (offset > long.MaxValue)
        {
            return Errno.EINVAL;
        }

        long found = lseek(file, (long)offset, whence);
        result = found < 0 ? 0 : (ulong)found;
        return found < 0 ? LastErrno : Errno.None;
    }

    [LibraryImport(Library, SetLastError = true)]
    private static partial long lseek(SafeFileHandle fd, long offset, int whence);
}

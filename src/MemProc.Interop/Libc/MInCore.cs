using System.Runtime.InteropServices;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>
    /// mincore(2): finds which pages of a mapping are in memory, or in the page cache for a file. It changes no page. Since
    /// Linux 5.2 it reports all pages, even those after the end of the file, to a user who neither owns the file nor may
    /// write it (<c>can_do_mincore</c> in <c>mm/mincore.c</c>).
    /// </summary>
    /// <param name="mapping">The mapping.</param>
    /// <param name="pages">Receives a byte for each page from the beginning on: 1 if it is in memory, otherwise 0.</param>
    public static unsafe Errno TryMinCore(SafeMapping mapping, Span<byte> pages)
    {
        nuint length = checked((nuint)pages.Length * (nuint)Environment.SystemPageSize);
        int outcome;
        fixed (byte* vector = pages)
        {
            outcome = mincore(mapping, length, vector);
        }

        if (outcome < 0)
        {
            return LastErrno;
        }

        // The other bits are reserved.
        foreach (ref byte page in pages)
        {
            page &= 1;
        }

        return Errno.None;
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial int mincore(SafeMapping address, nuint length, byte* vector);
}

using System.Runtime.InteropServices;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>
    /// mincore(2): which pages of a mapping are in memory, in the page cache for those of a file. Since Linux 5.2 a
    /// user who neither owns the file nor may write it is told that all pages are, even those behind its end
    /// (<c>can_do_mincore</c> in <c>mm/mincore.c</c>). The pages are left as they are.
    /// </summary>
    /// <param name="mapping">The mapping, from its beginning on.</param>
    /// <param name="pages">A byte a page, as many as are wanted: 1 where it is in memory, else 0.</param>
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

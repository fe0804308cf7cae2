using System.Runtime.InteropServices;

namespace MemProc.Interop;

/// <summary>What madvise(2) is told of a mapping (<c>include/uapi/asm-generic/mman-common.h</c>).</summary>
public enum MemoryAdvice
{
    /// <summary>
    /// It is read here and there: a fault reads nothing ahead, and since Linux 6.3 pages do not count as used when
    /// the mapping goes (<c>vma_has_recency</c> in <c>include/linux/mm_inline.h</c>).
    /// </summary>
    Random = 1,
    /// <summary>A page there stays a page of its own, never part of a transparent huge page.</summary>
    NoHugePage = 15,
}

public static partial class Libc
{
    /// <summary>madvise(2) for a whole mapping.</summary>
    /// <param name="mapping">The mapping.</param>
    /// <param name="advice">What to tell the kernel.</param>
    public static Errno TryAdvise(SafeMapping mapping, MemoryAdvice advice) =>
        madvise(mapping, (nuint)mapping.Length, (int)advice) < 0 ? LastErrno : Errno.None;

    [LibraryImport(Library, SetLastError = true)]
    private static partial int madvise(SafeMapping address, nuint length, int advice);
}

using System.Runtime.InteropServices;

namespace MemProc.Interop;

/// <summary>Advice for madvise(2) (<c>include/uapi/asm-generic/mman-common.h</c>).</summary>
public enum MemoryAdvice
{
    /// <summary>
    /// MADV_RANDOM: a fault reads nothing ahead, and since Linux 6.3 pages do not count as used when the mapping is removed
    /// (<c>vma_has_recency</c> in <c>include/linux/mm_inline.h</c>).
    /// </summary>
    Random = 1,
    /// <summary>MADV_WILLNEED: reads pages of files ahead, and pages in swap.</summary>
    WillNeed = 3,
    /// <summary>MADV_NOHUGEPAGE: pages never become part of a transparent huge page.</summary>
    NoHugePage = 15,
    /// <summary>MADV_COLD (Linux 5.4): pages are the first ones to be reclaimed under memory pressure.</summary>
    Cold = 20,
    /// <summary>MADV_PAGEOUT (Linux 5.4): pages are reclaimed now.</summary>
    PageOut = 21,
    /// <summary>MADV_COLLAPSE (Linux 6.1): pages become transparent huge pages now.</summary>
    Collapse = 25,
    /// <summary>MADV_GUARD_INSTALL: an access to the pages faults (Linux 6.13).</summary>
    GuardInstall = 102,
}

public static partial class Libc
{
    /// <summary>madvise(2) for a whole mapping.</summary>
    /// <param name="mapping">The mapping.</param>
    /// <param name="advice">The advice.</param>
    public static Errno TryAdvise(SafeMapping mapping, MemoryAdvice advice) =>
        madvise(mapping, (nuint)mapping.Length, (int)advice) < 0 ? LastErrno : Errno.None;

    [LibraryImport(Library, SetLastError = true)]
    private static partial int madvise(SafeMapping address, nuint length, int advice);
}

namespace MemProc.Interop;

/// <summary>Where a page flag comes from.</summary>
public enum PageFlagOrigin
{
    /// <summary>Part of the kernel's user interface (<c>include/uapi/linux/kernel-page-flags.h</c>).</summary>
    Stable,
    /// <summary>For kernel developers: bits 32 to 42, whose meaning follows the kernel's internals.</summary>
    Raw,
    /// <summary>Not the kernel's: derived from another bit whose meaning depends on the kind of page.</summary>
    Overloaded,
}

/// <summary>One flag of <c>/proc/kpageflags</c>.</summary>
/// <param name="Bit">The bit's number.</param>
/// <param name="Name">The name, as page-types spells it.</param>
/// <param name="Letter">page-types' letter; letters are not unique. NUL where it has none.</param>
/// <param name="Origin">Where the flag comes from.</param>
/// <param name="Meaning">What it says.</param>
public sealed record KernelPageFlag(int Bit, string Name, char Letter, PageFlagOrigin Origin, string Meaning)
{
    /// <summary>Every flag with a name, by bit.</summary>
    public static IReadOnlyList<KernelPageFlag> All { get; } =
    [
        new(0, "locked", 'L', PageFlagOrigin.Stable, "locked for exclusive access, e.g. by I/O"),
        new(1, "error", 'E', PageFlagOrigin.Stable, "an I/O error occurred"),
        new(2, "referenced", 'R', PageFlagOrigin.Stable, "referenced since it was last looked at"),
        new(3, "uptodate", 'U', PageFlagOrigin.Stable, "holds valid data"),
        new(4, "dirty", 'D', PageFlagOrigin.Stable, "changed, not yet written back"),
        new(5, "lru", 'l', PageFlagOrigin.Stable, "on one of the LRU lists"),
        new(6, "active", 'A', PageFlagOrigin.Stable, "on the active LRU list"),
        new(7, "slab", 'S', PageFlagOrigin.Stable, "managed by the slab allocator"),
        new(8, "writeback", 'W', PageFlagOrigin.Stable, "being written back"),
        new(9, "reclaim", 'I', PageFlagOrigin.Stable, "to be reclaimed when its I/O is done"),
        new(10, "buddy", 'B', PageFlagOrigin.Stable, "free, held by the buddy allocator"),
        new(11, "mmap", 'M', PageFlagOrigin.Stable, "mapped into a process"),
        new(12, "anonymous", 'a', PageFlagOrigin.Stable, "anonymous memory"),
        new(13, "swapcache", 's', PageFlagOrigin.Stable, "has a copy in swap"),
        new(14, "swapbacked", 'b', PageFlagOrigin.Stable, "goes to swap when it is reclaimed"),
        new(15, "compound_head", 'H', PageFlagOrigin.Stable, "first page of a compound page"),
        new(16, "compound_tail", 'T', PageFlagOrigin.Stable, "later page of a compound page"),
        new(17, "huge", 'G', PageFlagOrigin.Stable, "part of a hugetlb page"),
        new(18, "unevictable", 'u', PageFlagOrigin.Stable, "not to be reclaimed, e.g. locked memory"),
        new(19, "hwpoison", 'X', PageFlagOrigin.Stable, "the hardware found an error here"),
        new(20, "nopage", 'n', PageFlagOrigin.Stable, "no page frame exists here"),
        new(21, "ksm", 'x', PageFlagOrigin.Stable, "merged with identical pages by KSM"),
        new(22, "thp", 't', PageFlagOrigin.Stable, "part of a transparent huge page"),
        new(23, "offline", 'o', PageFlagOrigin.Stable, "logically offline, e.g. taken by a balloon"),
        new(24, "zero_page", 'z', PageFlagOrigin.Stable, "the zero page"),
        new(25, "idle_page", 'i', PageFlagOrigin.Stable, "not touched since it was marked idle"),
        new(26, "pgtable", 'g', PageFlagOrigin.Stable, "holds a page table"),
        new(32, "reserved", 'r', PageFlagOrigin.Raw, "reserved, not managed by the allocator"),
        new(33, "mlocked", 'm', PageFlagOrigin.Raw, "locked by mlock"),
        new(34, "owner_2", 'd', PageFlagOrigin.Raw, "free for the owner's use (was mappedtodisk)"),
        new(35, "private", 'P', PageFlagOrigin.Raw, "carries private data of a file system"),
        new(36, "private_2", 'p', PageFlagOrigin.Raw, "carries more private data of a file system"),
        new(37, "owner_private", 'O', PageFlagOrigin.Raw, "free for the owner's use"),
        new(38, "arch", 'h', PageFlagOrigin.Raw, "free for the architecture's use"),
        new(39, "uncached", 'c', PageFlagOrigin.Raw, "mapped uncached"),
        new(40, "softdirty", 'f', PageFlagOrigin.Raw, "soft-dirty, from the page table"),
        new(41, "arch_2", 'H', PageFlagOrigin.Raw, "free for the architecture's use"),
        new(42, "arch_3", '\0', PageFlagOrigin.Raw, "free for the architecture's use"),
        new(47, "anon_exclusive", 'd', PageFlagOrigin.Overloaded, "anonymous page of one process (owner_2)"),
        new(48, "readahead", 'I', PageFlagOrigin.Overloaded, "reaching it starts the next readahead (reclaim)"),
        new(50, "slub_frozen", 'A', PageFlagOrigin.Overloaded, "slab in use by one processor (active)"),
        new(51, "slub_debug", 'E', PageFlagOrigin.Overloaded, "slab with debugging on (error)"),
        new(61, "file", 'F', PageFlagOrigin.Overloaded, "file or shared anonymous, from the page table"),
        new(62, "swap", 'w', PageFlagOrigin.Overloaded, "in swap, from the page table"),
        new(63, "mmap_exclusive", '1', PageFlagOrigin.Overloaded, "mapped by one process, from the page table"),
    ];
}

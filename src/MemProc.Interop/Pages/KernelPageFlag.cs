namespace MemProc.Interop;

/// <summary>Where a page flag comes from.</summary>
public enum PageFlagOrigin
{
    /// <summary>Part of the kernel's user interface (<c>include/uapi/linux/kernel-page-flags.h</c>).</summary>
    Stable,
    /// <summary>For kernel developers: bits 32 to 42, whose meaning follows the kernel's internals.</summary>
    Raw,
    /// <summary>Not a bit of the kernel: derived from a bit whose meaning depends on the kind of page.</summary>
    Overloaded,
}

/// <summary>One flag of <c>/proc/kpageflags</c>.</summary>
/// <param name="Bit">The bit's number.</param>
/// <param name="Name">The name, as page-types spells it.</param>
/// <param name="Letter">page-types' letter, which is not unique; NUL if it has none.</param>
/// <param name="Origin">Where the flag comes from.</param>
/// <param name="Since">The first kernel that has it; null if it is not a bit of the kernel.</param>
/// <param name="Meaning">Its meaning.</param>
public sealed record KernelPageFlag(
    int Bit, string Name, char Letter, PageFlagOrigin Origin, string? Since, string Meaning)
{
    /// <summary>The bit as a mask.</summary>
    public ulong Mask => 1UL << Bit;

    /// <summary>
    /// Returns the flag with a name, ignoring case; null if there is none. page-types accepts <c>anon</c> for anonymous.
    /// </summary>
    public static KernelPageFlag? ByName(string name)
    {
        string known = name.Equals("anon", StringComparison.OrdinalIgnoreCase) ? "anonymous" : name;
        return All.FirstOrDefault(flag => flag.Name.Equals(known, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>All flags with names, by bit.</summary>
    public static IReadOnlyList<KernelPageFlag> All { get; } =
    [
        new(0, "locked", 'L', PageFlagOrigin.Stable, "2.6.25", "locked for exclusive access, e.g. by I/O"),
        new(1, "error", 'E', PageFlagOrigin.Stable, "2.6.25", "an I/O error occurred"),
        new(2, "referenced", 'R', PageFlagOrigin.Stable, "2.6.25", "referenced since it was last looked at"),
        new(3, "uptodate", 'U', PageFlagOrigin.Stable, "2.6.25", "holds valid data"),
        new(4, "dirty", 'D', PageFlagOrigin.Stable, "2.6.25", "changed, not yet written back"),
        new(5, "lru", 'l', PageFlagOrigin.Stable, "2.6.25", "on one of the LRU lists"),
        new(6, "active", 'A', PageFlagOrigin.Stable, "2.6.25", "on the active LRU list"),
        new(7, "slab", 'S', PageFlagOrigin.Stable, "2.6.25", "managed by the slab allocator"),
        new(8, "writeback", 'W', PageFlagOrigin.Stable, "2.6.25", "being written back"),
        new(9, "reclaim", 'I', PageFlagOrigin.Stable, "2.6.25", "to be reclaimed when its I/O is done"),
        new(10, "buddy", 'B', PageFlagOrigin.Stable, "2.6.25", "free, held by the buddy allocator"),
        new(11, "mmap", 'M', PageFlagOrigin.Stable, "2.6.31", "mapped into a process"),
        new(12, "anonymous", 'a', PageFlagOrigin.Stable, "2.6.31", "anonymous memory"),
        new(13, "swapcache", 's', PageFlagOrigin.Stable, "2.6.31", "has a copy in swap"),
        new(14, "swapbacked", 'b', PageFlagOrigin.Stable, "2.6.31", "goes to swap when it is reclaimed"),
        new(15, "compound_head", 'H', PageFlagOrigin.Stable, "2.6.31", "first page of a compound page"),
        new(16, "compound_tail", 'T', PageFlagOrigin.Stable, "2.6.31", "later page of a compound page"),
        new(17, "huge", 'G', PageFlagOrigin.Stable, "2.6.31", "part of a hugetlb page"),
        new(18, "unevictable", 'u', PageFlagOrigin.Stable, "2.6.31", "not to be reclaimed, e.g. locked memory"),
        new(19, "hwpoison", 'X', PageFlagOrigin.Stable, "2.6.31", "the hardware found an error here"),
        new(20, "nopage", 'n', PageFlagOrigin.Stable, "2.6.31", "no page frame exists here"),
        new(21, "ksm", 'x', PageFlagOrigin.Stable, "2.6.32", "merged with identical pages by KSM"),
        new(22, "thp", 't', PageFlagOrigin.Stable, "3.4", "part of a transparent huge page"),
        new(23, "offline", 'o', PageFlagOrigin.Stable, "5.1",
            "logically offline, e.g. taken by a balloon (which bit 23 meant from 3.18 on)"),
        new(24, "zero_page", 'z', PageFlagOrigin.Stable, "4.0", "the zero page"),
        new(25, "idle_page", 'i', PageFlagOrigin.Stable, "4.3", "not touched since it was marked idle"),
        new(26, "pgtable", 'g', PageFlagOrigin.Stable, "4.18", "holds a page table"),
        new(32, "reserved", 'r', PageFlagOrigin.Raw, "2.6.31", "reserved, not managed by the allocator"),
        new(33, "mlocked", 'm', PageFlagOrigin.Raw, "2.6.31", "locked by mlock"),
        new(34, "owner_2", 'd', PageFlagOrigin.Raw, "2.6.31", "free for the owner's use (was mappedtodisk)"),
        new(35, "private", 'P', PageFlagOrigin.Raw, "2.6.31", "carries private data of a file system"),
        new(36, "private_2", 'p', PageFlagOrigin.Raw, "2.6.31", "carries more private data of a file system"),
        new(37, "owner_private", 'O', PageFlagOrigin.Raw, "2.6.31", "free for the owner's use"),
        new(38, "arch", 'h', PageFlagOrigin.Raw, "2.6.31", "free for the architecture's use"),
        new(39, "uncached", 'c', PageFlagOrigin.Raw, "2.6.31", "mapped uncached"),
        new(40, "softdirty", 'f', PageFlagOrigin.Raw, "3.11", "soft-dirty, from the page table"),
        new(41, "arch_2", 'H', PageFlagOrigin.Raw, "5.10", "free for the architecture's use"),
        new(42, "arch_3", '\0', PageFlagOrigin.Raw, "6.6", "free for the architecture's use"),
        new(47, "anon_exclusive", 'd', PageFlagOrigin.Overloaded, null, "anonymous page of one process (owner_2)"),
        new(48, "readahead", 'I', PageFlagOrigin.Overloaded, null, "reaching it starts the next readahead (reclaim)"),
        new(50, "slub_frozen", 'A', PageFlagOrigin.Overloaded, null, "slab in use by one processor (active)"),
        new(51, "slub_debug", 'E', PageFlagOrigin.Overloaded, null, "slab with debugging on (error)"),
        new(61, "file", 'F', PageFlagOrigin.Overloaded, null, "file or shared anonymous, from the page table"),
        new(62, "swap", 'w', PageFlagOrigin.Overloaded, null, "in swap, from the page table"),
        new(63, "mmap_exclusive", '1', PageFlagOrigin.Overloaded, null, "mapped by one process, from the page table"),
    ];
}

namespace MemProc.Tests.Interop;

/// <summary>
/// C declarations of the kernel's user interface. If the installed headers are older than an interface, it is
/// declared here as in the kernel's <c>include/uapi/linux</c>.
/// </summary>
internal static class CHeaders
{
    public const string PageMapScan =
        """
        #include <linux/fs.h>
        #include <linux/ioctl.h>
        #include <linux/types.h>
        #ifndef PAGEMAP_SCAN
        #define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
        #define PAGE_IS_WPALLOWED (1 << 0)
        #define PAGE_IS_WRITTEN (1 << 1)
        #define PAGE_IS_FILE (1 << 2)
        #define PAGE_IS_PRESENT (1 << 3)
        #define PAGE_IS_SWAPPED (1 << 4)
        #define PAGE_IS_PFNZERO (1 << 5)
        #define PAGE_IS_HUGE (1 << 6)
        #define PAGE_IS_SOFT_DIRTY (1 << 7)
        struct page_region {
            __u64 start;
            __u64 end;
            __u64 categories;
        };
        struct pm_scan_arg {
            __u64 size;
            __u64 flags;
            __u64 start;
            __u64 end;
            __u64 walk_end;
            __u64 vec;
            __u64 vec_len;
            __u64 max_pages;
            __u64 category_inverted;
            __u64 category_mask;
            __u64 category_anyof_mask;
            __u64 return_mask;
        };
        #endif
        #ifndef PAGE_IS_GUARD
        #define PAGE_IS_GUARD (1 << 8)
        #endif
        """;

    public const string ProcMapQuery =
        """
        #include <linux/fs.h>
        #include <linux/ioctl.h>
        #include <linux/types.h>
        #ifndef PROCMAP_QUERY
        #define PROCMAP_QUERY _IOWR('f', 17, struct procmap_query)
        enum procmap_query_flags {
            PROCMAP_QUERY_VMA_READABLE = 0x01,
            PROCMAP_QUERY_VMA_WRITABLE = 0x02,
            PROCMAP_QUERY_VMA_EXECUTABLE = 0x04,
            PROCMAP_QUERY_VMA_SHARED = 0x08,
            PROCMAP_QUERY_COVERING_OR_NEXT_VMA = 0x10,
            PROCMAP_QUERY_FILE_BACKED_VMA = 0x20,
        };
        struct procmap_query {
            __u64 size;
            __u64 query_flags;
            __u64 query_addr;
            __u64 vma_start;
            __u64 vma_end;
            __u64 vma_flags;
            __u64 vma_page_size;
            __u64 vma_offset;
            __u64 inode;
            __u32 dev_major;
            __u32 dev_minor;
            __u32 vma_name_size;
            __u32 build_id_size;
            __u64 vma_name_addr;
            __u64 build_id_addr;
        };
        #endif
        """;

    public const string CacheStat =
        """
        #include <linux/mman.h>
        #include <linux/types.h>
        #include <linux/version.h>
        #if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
        struct cachestat_range {
            __u64 off;
            __u64 len;
        };
        struct cachestat {
            __u64 nr_cache;
            __u64 nr_dirty;
            __u64 nr_writeback;
            __u64 nr_evicted;
            __u64 nr_recently_evicted;
        };
        #endif
        """;
}

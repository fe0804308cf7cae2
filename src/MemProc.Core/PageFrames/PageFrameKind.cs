namespace MemProc;

/// <summary>What a page frame is used for, as far as the kernel's struct page tells.</summary>
public enum PageFrameKind
{
    /// <summary>It could not be determined: the frame kept changing during the read, or its type is not known.</summary>
    Unknown,
    /// <summary>In the kernel's lists of free memory.</summary>
    Free,
    /// <summary>Private memory of processes.</summary>
    Anonymous,
    /// <summary>A page that KSM shares between processes because the contents are equal.</summary>
    Ksm,
    /// <summary>A copy of a page in swap that no process maps.</summary>
    SwapCache,
    /// <summary>A cached page of a file, mapped or not.</summary>
    File,
    /// <summary>Shared memory: tmpfs, memfd, System V, and shared anonymous memory.</summary>
    SharedMemory,
    /// <summary>A huge page of hugetlb, in use or in its pool.</summary>
    HugeTlb,
    /// <summary>Objects of the kernel, in a slab cache.</summary>
    Slab,
    /// <summary>A large kmalloc allocation of the kernel. Before Linux 6.15 these are part of Kernel.</summary>
    LargeKmalloc,
    /// <summary>A page table.</summary>
    PageTable,
    /// <summary>The page of zeros that backs memory which was read and never written, or the huge one.</summary>
    Zero,
    /// <summary>
    /// Allocated by the kernel and not recorded for what: vmalloc, kernel stacks, per-CPU memory, buffers of drivers.
    /// </summary>
    Kernel,
    /// <summary>In the pool of buffers of a network device.</summary>
    NetworkPool,
    /// <summary>Compressed pages of zram or zswap (zsmalloc). Before Linux 6.11 these are part of Kernel.</summary>
    Zsmalloc,
    /// <summary>Not managed by the page allocator since boot: the kernel's code, struct pages, firmware.</summary>
    Reserved,
    /// <summary>Taken by a balloon driver or set offline.</summary>
    Offline,
    /// <summary>A guard page of the kernel's allocator debugging.</summary>
    Guard,
    /// <summary>Memory that a confidential guest has not accepted yet.</summary>
    Unaccepted,
    /// <summary>Memory of a device (ZONE_DEVICE).</summary>
    Device,
    /// <summary>On a list of user pages without an owner: cut off from its file, or about to be freed.</summary>
    Detached,
}

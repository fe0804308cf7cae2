using MemProc.Interop;

namespace MemProc;

/// <summary>The kernel's array with a struct page for each frame (CONFIG_SPARSEMEM_VMEMMAP).</summary>
/// <param name="Base">The kernel's address of the struct page of frame 0, whether or not that frame exists.</param>
/// <param name="SizeBytes">Bytes of a struct page.</param>
internal sealed record KernelVmemmap(ulong Base, int SizeBytes)
{
    /// <summary>A tree of cached pages has at most this many levels.</summary>
    private const int MaxTreeLevels = 12;

    /// <summary>
    /// Finds the array, which KASLR moves. The page cache of a file of one page, which this process maps, refers to the
    /// struct page, and pagemap has the frame.
    /// </summary>
    /// <param name="reader">The kernel's memory.</param>
    /// <param name="files">Where the kernel's file systems are mounted.</param>
    /// <exception cref="MemProcException">
    /// ReadKernelMemory: EPERM if the kernel hides frame numbers; EOPNOTSUPP if struct pages are not in one array; ENODATA
    /// if they were not found. ReadBtf: the kernel's structures have no known layout.
    /// </exception>
    public static KernelVmemmap Find(KernelReader reader, KernelFiles files)
    {
        int size = reader.Layout.Frames.Page.SizeBytes;
        using LinuxProcess self = LinuxProcess.OpenSelf(files);
        const int Attempts = 5;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            using OwnFilePage page = new();
            ulong mapping = reader.ReadUInt64(reader.FileOf(page.File), reader.Layout.Frames.FileMapping);
            ulong address = FirstPageOf(reader, mapping);
            ulong pfn = KernelPageTables.FrameOf(self, page.Address);
            KernelVmemmap found = new(address - pfn * (ulong)size, size);
            if (address != FirstPageOf(reader, mapping) || pfn != KernelPageTables.FrameOf(self, page.Address)
                || !found.Describes(reader, pfn, mapping))
            {
                // The page was moved to another frame meanwhile.
                continue;
            }

            ThrowIfSections(reader, files, address);
            found.ThrowIfOtherPageDiffers(reader, self);
            return found;
        }

        throw new MemProcException(Operation.ReadKernelMemory, Errno.ENODATA,
            "The kernel's array of struct pages was not found. Page frames cannot be described without it.");
    }

    /// <summary>Returns the kernel's address of the struct page of a frame.</summary>
    public ulong AddressOf(ulong pfn) => Base + pfn * (ulong)SizeBytes;

    /// <summary>Returns the page of a file at offset 0, as the page cache has it.</summary>
    private static ulong FirstPageOf(KernelReader reader, ulong mapping)
    {
        const ulong NodeMark = 2, Marks = 3;
        ulong entry = reader.ReadUInt64(mapping, reader.Layout.Frames.MappingPages);
        for (int level = 0; (entry & Marks) == NodeMark && level < MaxTreeLevels; level++)
        {
            entry = reader.ReadUInt64(entry - NodeMark, reader.Layout.Frames.TreeSlots);
        }

        return entry;
    }

    private bool Describes(KernelReader reader, ulong pfn, ulong mapping)
    {
        StructPageOffsets page = reader.Layout.Frames.Page;
        return reader.TryReadUInt64(AddressOf(pfn), page.Mapping, out ulong found) && found == mapping
            && reader.TryReadUInt64(AddressOf(pfn), page.Index, out ulong index) && index == 0;
    }

    /// <summary>Throws if the struct pages are allocated like other memory: then each section has an array of its own.</summary>
    private static void ThrowIfSections(KernelReader reader, KernelFiles files, ulong address)
    {
        PhysicalMap map = PhysicalMap.Read(files);
        if (address - reader.PageTables.DirectMap < map.SystemRam.Select(range => range.End).DefaultIfEmpty().Max())
        {
            throw new MemProcException(Operation.ReadKernelMemory, Errno.EOPNOTSUPP,
                "This kernel keeps struct pages in an array for each section of memory. Page frames are read from one array "
                + "for all, which requires CONFIG_SPARSEMEM_VMEMMAP.");
        }
    }

    /// <summary>Checks the array with a second page elsewhere: an anonymous one, which is marked by the lowest bit.</summary>
    private void ThrowIfOtherPageDiffers(KernelReader reader, LinuxProcess self)
    {
        using OwnPage page = new();
        const int Attempts = 5;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            ulong pfn = KernelPageTables.FrameOf(self, page.Address);
            if (reader.TryReadUInt64(AddressOf(pfn), reader.Layout.Frames.Page.Mapping, out ulong mapping) && (mapping & 1) == 1)
            {
                return;
            }
        }

        throw new MemProcException(Operation.ReadKernelMemory, Errno.EOPNOTSUPP,
            "This kernel's struct pages are not in one array: that of an own page is elsewhere. Page frames cannot be described.");
    }
}

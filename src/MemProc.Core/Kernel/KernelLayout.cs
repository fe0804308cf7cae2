namespace MemProc;

/// <summary>Where the running kernel keeps things in memory, and the constants of its page tables.</summary>
public sealed class KernelLayout
{
    internal KernelLayout(KernelReader reader, ulong? taskSize, ulong? textAddress, ulong? textPhysicalAddress, ulong? kaslrOffset)
    {
        Source = reader.Source;
        KernelRelease = File.ReadAllText($"{reader.Files.Proc}/sys/kernel/osrelease").Trim();
        BtfSizeBytes = new FileInfo(KernelOffsets.BtfPath(reader.Files)).Length;
        KernelPageTables tables = reader.PageTables;
        PageOffset = tables.DirectMap;
        FrameMask = tables.Format.AddressBits;
        EncryptionMask = tables.EncryptionMask;
        PageSizeBytes = MachinePage.SizeBytes;
        PageShift = tables.Format.PageShift;
        Levels = [.. Enumerable.Range(1, tables.Format.Levels).Reverse().Select(level => new KernelPageTableLevel(
            tables.Format.NameOf(level), tables.Format.ShiftOf(level), tables.Format.EntryCount, tables.Format.BytesOf(level)))];
        Vmemmap = reader.KnownVmemmap?.Base;
        StructPageSizeBytes = reader.KnownVmemmap?.SizeBytes;
        TaskSize = taskSize;
        TextAddress = textAddress;
        TextPhysicalAddress = textPhysicalAddress;
        KaslrOffset = kaslrOffset;
    }

    /// <summary>How the kernel's memory was read.</summary>
    public KernelReadSource Source { get; }

    /// <summary>The kernel's release, as uname(2) has it.</summary>
    public string KernelRelease { get; }

    /// <summary>Size of the kernel's type information (BTF), which has the offsets of all structures.</summary>
    public long BtfSizeBytes { get; }

    /// <summary>
    /// PAGE_OFFSET: the kernel's address of physical address 0, where the direct map of all RAM begins. <c>__va(x)</c> is x +
    /// PAGE_OFFSET.
    /// </summary>
    public ulong PageOffset { get; }

    /// <summary><see cref="PageOffset"/> in hex.</summary>
    public string PageOffsetHex => HexText.Of(PageOffset);

    /// <summary>
    /// vmemmap: the kernel's address of the struct page of frame 0; that of frame n is n * <see cref="StructPageSizeBytes"/>
    /// after it. Null where it was not found.
    /// </summary>
    public ulong? Vmemmap { get; }

    /// <summary><see cref="Vmemmap"/> in hex.</summary>
    public string? VmemmapHex => HexText.Of(Vmemmap);

    /// <summary>sizeof(struct page); null where <see cref="Vmemmap"/> was not found.</summary>
    public int? StructPageSizeBytes { get; }

    /// <summary>The bits of a page table entry that are a physical address: PTE_PFN_MASK of x86.</summary>
    public ulong FrameMask { get; }

    /// <summary><see cref="FrameMask"/> in hex.</summary>
    public string FrameMaskHex => HexText.Of(FrameMask);

    /// <summary>The bit of physical addresses that marks encrypted memory (SME, SEV); 0 where memory is not encrypted.</summary>
    public ulong EncryptionMask { get; }

    /// <summary><see cref="EncryptionMask"/> in hex.</summary>
    public string EncryptionMaskHex => HexText.Of(EncryptionMask);

    /// <summary>PAGE_SIZE.</summary>
    public ulong PageSizeBytes { get; }

    /// <summary>PAGE_SHIFT.</summary>
    public int PageShift { get; }

    /// <summary>The levels of page tables, the root first: its shift and number of entries.</summary>
    public OutputList<KernelPageTableLevel> Levels { get; }

    /// <summary>TASK_SIZE: the first address after user space, of this process; null if this kernel does not describe it.</summary>
    public ulong? TaskSize { get; }

    /// <summary><see cref="TaskSize"/> in hex.</summary>
    public string? TaskSizeHex => HexText.Of(TaskSize);

    /// <summary>The kernel's address of its code (<c>_stext</c>); null where the kernel does not show it.</summary>
    public ulong? TextAddress { get; }

    /// <summary><see cref="TextAddress"/> in hex.</summary>
    public string? TextAddressHex => HexText.Of(TextAddress);

    /// <summary>Physical address of the kernel's code; null where /proc/iomem hides it.</summary>
    public ulong? TextPhysicalAddress { get; }

    /// <summary><see cref="TextPhysicalAddress"/> in hex.</summary>
    public string? TextPhysicalAddressHex => HexText.Of(TextPhysicalAddress);

    /// <summary>
    /// By how much KASLR moved the kernel's code; 0 if it did not. Null where the kernel does not show it.
    /// </summary>
    public ulong? KaslrOffset { get; }

    /// <summary><see cref="KaslrOffset"/> in hex.</summary>
    public string? KaslrOffsetHex => HexText.Of(KaslrOffset);

    /// <summary>Returns the kernel and its direct map.</summary>
    public override string ToString() => $"{KernelRelease} PAGE_OFFSET 0x{PageOffset:x}";
}

/// <summary>A level of page tables.</summary>
/// <param name="Level">Its name.</param>
/// <param name="Shift">The lowest bit of an address that is part of the index in a table: PGDIR_SHIFT, PUD_SHIFT….</param>
/// <param name="EntryCount">Entries of a table: PTRS_PER_PGD….</param>
/// <param name="CoveredBytes">Bytes of address space that an entry covers.</param>
public sealed record KernelPageTableLevel(PageTableLevel Level, int Shift, int EntryCount, ulong CoveredBytes);

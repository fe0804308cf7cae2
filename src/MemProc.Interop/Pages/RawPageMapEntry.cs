namespace MemProc.Interop;

/// <summary>
/// One entry of <c>/proc/PID/pagemap</c>: the state of one virtual page
/// (<c>fs/proc/task_mmu.c</c>, <c>Documentation/admin-guide/mm/pagemap.rst</c>).
/// </summary>
/// <param name="Raw">The 64 bits that the kernel returned.</param>
public readonly record struct RawPageMapEntry(ulong Raw)
{
    /// <summary>Bits 0–54: the frame number of a present page.</summary>
    public const ulong PfnMask = (1UL << 55) - 1;

    /// <summary>Number of bits of the swap type, below the swap offset.</summary>
    public const int SwapTypeBits = 5;

    /// <summary>Bit 63: a frame is mapped.</summary>
    public bool IsPresent => (Raw & 1UL << 63) != 0;

    /// <summary>
    /// Bit 62 without bit 58: the page is in swap or is being migrated. Guard regions are kept in the page table as
    /// swap-like markers and set both bits.
    /// </summary>
    public bool IsSwapped => (Raw & (1UL << 62 | 1UL << 58)) == 1UL << 62;

    /// <summary>Bit 61: a page of a file or of shared anonymous memory.</summary>
    public bool IsFileOrShared => (Raw & 1UL << 61) != 0;

    /// <summary>Bit 58: a guard region (MADV_GUARD_INSTALL, Linux 6.15).</summary>
    public bool IsGuard => (Raw & 1UL << 58) != 0;

    /// <summary>Bit 57: write-protected through userfaultfd.</summary>
    public bool IsWriteProtected => (Raw & 1UL << 57) != 0;

    /// <summary>Bit 56: mapped by this process only.</summary>
    public bool IsExclusive => (Raw & 1UL << 56) != 0;

    /// <summary>Bit 55: written to since soft-dirty bits were cleared; also set on holes of new mappings.</summary>
    public bool IsSoftDirty => (Raw & 1UL << 55) != 0;

    /// <summary>The frame number of a present page; 0 if the kernel hid it.</summary>
    public ulong Pfn => IsPresent ? Raw & PfnMask : 0;

    /// <summary>
    /// The page is present and its frame number is 0: the reader lacks CAP_SYS_ADMIN. Frame 0 itself is never mapped.
    /// </summary>
    public bool IsPfnHidden => IsPresent && (Raw & PfnMask) == 0;

    /// <summary>Returns the entry of a present page without the frame number.</summary>
    public RawPageMapEntry WithoutFrame() => new(Raw & ~PfnMask);

    /// <summary>Bits 0–4 of a swapped page: the swap area.</summary>
    public int SwapType => (int)(Raw & ((1UL << SwapTypeBits) - 1));

    /// <summary>Bits 5–54 of a swapped page: the slot in the swap area.</summary>
    public ulong SwapOffset => (Raw & PfnMask) >> SwapTypeBits;

    /// <summary>The page's frame or swap slot; <c>hidden</c> if the kernel hid the frame.</summary>
    public string Location => IsPresent ? IsPfnHidden ? "hidden" : $"0x{Pfn:x}"
        : IsSwapped ? $"swap {SwapType}:0x{SwapOffset:x}"
        : "-";

    /// <summary>Returns the state of the page in words, separated by commas.</summary>
    public string Describe()
    {
        string text = string.Empty;
        Add(IsPresent, "present", ref text);
        Add(IsSwapped, "swapped", ref text);
        Add(IsGuard, "guard", ref text);
        Add(IsFileOrShared, "file", ref text);
        Add(IsExclusive, "exclusive", ref text);
        Add(IsSoftDirty, "soft-dirty", ref text);
        Add(IsWriteProtected, "write-protected", ref text);
        return text;

        static void Add(bool holds, string word, ref string text) =>
            text = !holds ? text : text.Length == 0 ? word : $"{text},{word}";
    }

    /// <summary>The page is present, swapped, guarded or write-protected.</summary>
    public bool IsPopulated => (Raw & 0b1100_0110UL << 56) != 0;
}

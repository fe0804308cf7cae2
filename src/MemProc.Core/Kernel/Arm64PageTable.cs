namespace MemProc;

/// <summary>
/// Page tables of arm64 with pages of 4, 16 or 64 KiB and physical addresses of 48 bits
/// (<c>arch/arm64/include/asm/pgtable-hwdef.h</c>, <c>pgtable-prot.h</c>).
/// </summary>
/// <param name="pageBytes">4096, 16384 or 65536.</param>
/// <param name="levels">2 to 4.</param>
internal sealed class Arm64PageTable(ulong pageBytes, int levels) : PageTableFormat(pageBytes, levels)
{
    private const ulong Valid = 1;
    private const ulong Table = 2;
    private const ulong AddressMask = 0x0000_ffff_ffff_ffff;
    private const ulong ProtNone = 1UL << 58;

    /// <summary>From Linux 6.9: a page without access rights is invalid, and this bit tells it from swap.</summary>
    private const ulong PresentInvalid = 1UL << 11;

    private const int SwapTypeShift = 3;
    private const int SwapTypeBits = 5;
    private const int SwapOffsetShift = 8;
    private const int SwapOffsetBits = 50;

    private static readonly (ulong Bit, string Name)[] OfLeaves =
    [
        (1 << 6, "USER"), (1 << 7, "RDONLY"), (1 << 10, "AF"), (1 << 11, "nG"), (1UL << 51, "DBM"), (1UL << 52, "CONT"),
        (1UL << 53, "PXN"), (1UL << 54, "UXN"), (1UL << 55, "DIRTY"), (1UL << 56, "SPECIAL"),
    ];

    private static readonly (ulong Bit, string Name)[] OfTables =
    [
        (1UL << 59, "PXNTable"), (1UL << 60, "UXNTable"), (1UL << 61, "APTable0"), (1UL << 62, "APTable1"),
        (1UL << 63, "NSTable"),
    ];

    /// <inheritdoc/>
    public override PageTableBits Decode(ulong entry, int level)
    {
        if (entry == 0)
        {
            return new PageTableBits { Names = [] };
        }

        bool isValid = (entry & Valid) != 0;
        bool isProtNone = !isValid && (entry & (ProtNone | PresentInvalid)) != 0;
        if (!isValid && !isProtNone)
        {
            return new PageTableBits
            {
                IsLeaf = true,
                IsSwapEntry = true,
                SwapType = (uint)(entry >> SwapTypeShift & ((1UL << SwapTypeBits) - 1)),
                SwapOffset = entry >> SwapOffsetShift & ((1UL << SwapOffsetBits) - 1),
                Names = [],
            };
        }

        // On the last level the second bit says page, above it says table.
        bool isLeaf = level == 1 || (entry & Table) == 0;
        ulong address = entry & AddressMask & ~((1UL << PageShift) - 1);
        return new PageTableBits
        {
            IsPresent = true,
            IsLeaf = isLeaf,
            PhysicalAddress = isLeaf ? address & ~(BytesOf(level) - 1) : address,
            Names = [isValid ? "VALID" : "PROT_NONE", .. (isLeaf ? OfLeaves : OfTables)
                .Where(flag => (entry & flag.Bit) != 0).Select(flag => flag.Name)],
        };
    }
}

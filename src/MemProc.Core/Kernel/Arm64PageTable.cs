namespace MemProc;

/// <summary>
/// Page tables of arm64 with pages of 4, 16 or 64 KiB and physical addresses of 48 or 52 bits
/// (<c>arch/arm64/include/asm/pgtable-hwdef.h</c>, <c>pgtable-prot.h</c>, <c>pgtable.h</c>).
/// </summary>
/// <param name="pageBytes">4096, 16384 or 65536.</param>
/// <param name="levels">2 to 4.</param>
/// <param name="marksInvalid">
/// The kernel marks a page without access rights by bit 11 and lays out swap entries accordingly, as it does from Linux
/// 6.10 on.
/// </param>
/// <param name="hasLargeAddresses">
/// With pages of 4 or 16 KiB: physical addresses have 52 bits (FEAT_LPA2, Linux 6.9). With pages of 64 KiB entries always
/// have room for 52 bits.
/// </param>
internal sealed class Arm64PageTable(ulong pageBytes, int levels, bool marksInvalid, bool hasLargeAddresses = false)
    : PageTableFormat(pageBytes, levels)
{
    private const ulong Valid = 1;
    private const ulong Table = 2;
    private const ulong User = 1 << 6;
    private const ulong ReadOnly = 1 << 7;
    private const ulong Accessed = 1 << 10;
    private const ulong NotGlobal = 1 << 11;
    private const ulong Writable = 1UL << 51;
    private const ulong UserNoExecute = 1UL << 54;
    private const ulong Dirty = 1UL << 55;
    private const ulong UserNoExecuteBelow = 1UL << 60;
    private const int SwapTypeBits = 5;
    private const int SwapOffsetBits = 50;

    private static readonly (ulong Bit, string Name)[] LeafFlags =
    [
        (User, "USER"), (ReadOnly, "RDONLY"), (Accessed, "AF"), (NotGlobal, "nG"), (Writable, "DBM"),
        (1UL << 52, "CONT"), (1UL << 53, "PXN"), (UserNoExecute, "UXN"), (Dirty, "DIRTY"), (1UL << 56, "SPECIAL"),
    ];

    private static readonly (ulong Bit, string Name)[] TableFlags =
    [
        (1UL << 59, "PXNTable"), (UserNoExecuteBelow, "UXNTable"), (1UL << 61, "APTable0"), (1UL << 62, "APTable1"),
        (1UL << 63, "NSTable"),
    ];

    /// <summary>Marks an entry that is invalid for the processor and present for the kernel (PROT_NONE).</summary>
    private readonly ulong _presentInvalid = marksInvalid ? NotGlobal : 3UL << 58;

    /// <summary>The bits of an entry that are the lower part of a physical address.</summary>
    private readonly ulong _lowBits = (hasLargeAddresses ? 0x0003_ffff_ffff_ffffUL : 0x0000_ffff_ffff_ffffUL) & ~(pageBytes - 1);

    /// <summary>The bits of an entry that are bits 48 to 51, or 50 and 51, of a physical address.</summary>
    private readonly ulong _highBits = pageBytes == 65536 ? 0xfUL << 12 : hasLargeAddresses ? 3UL << 8 : 0;

    /// <summary>How far those are shifted.</summary>
    private readonly int _highShift = pageBytes == 65536 ? 36 : 42;

    private readonly int _swapTypeShift = marksInvalid ? 6 : 3;
    private readonly int _swapOffsetShift = marksInvalid ? 12 : 8;

    /// <inheritdoc/>
    public override ulong AddressBits => _lowBits | _highBits;

    /// <inheritdoc/>
    public override PageTableBits Decode(ulong entry, int level)
    {
        if (entry == 0)
        {
            return default;
        }

        if (!IsPresent(entry))
        {
            return new PageTableBits
            {
                IsLeaf = true,
                IsSwapEntry = true,
                SwapType = (uint)(entry >> _swapTypeShift & ((1UL << SwapTypeBits) - 1)),
                SwapOffset = entry >> _swapOffsetShift & ((1UL << SwapOffsetBits) - 1),
            };
        }

        bool isLeaf = IsLeaf(entry, level);
        ulong address = (entry & _lowBits) | (entry & _highBits) << _highShift;
        return new PageTableBits
        {
            IsPresent = true,
            IsLeaf = isLeaf,
            PhysicalAddress = isLeaf ? address & ~(BytesOf(level) - 1) : address,
        };
    }

    /// <inheritdoc/>
    public override OutputList<string> FlagNames(ulong entry, int level) => !IsPresent(entry)
        ? []
        : (entry & Valid) != 0
        ? ["VALID", .. SetBitNames(IsLeaf(entry, level) ? LeafFlags : TableFlags, entry)]
        // In a page without access rights this bit is the PROT_NONE mark, not nG.
        : ["PROT_NONE", .. SetBitNames(LeafFlags, entry & ~_presentInvalid)];

    /// <inheritdoc/>
    public override bool? TestTrait(ulong entry, int level, PageTableTrait trait)
    {
        if (!IsPresent(entry))
        {
            return null;
        }

        bool isLeaf = IsLeaf(entry, level);
        return trait switch
        {
            PageTableTrait.NoExecute => (entry & (isLeaf ? UserNoExecute : UserNoExecuteBelow)) != 0,
            _ when !isLeaf => null,
            // At the first write the processor clears the read-only bit.
            PageTableTrait.Writable => (entry & Writable) != 0,
            PageTableTrait.User => (entry & User) != 0,
            PageTableTrait.Accessed => (entry & Accessed) != 0,
            PageTableTrait.Dirty => (entry & Dirty) != 0 || (entry & (Writable | ReadOnly)) == Writable,
            PageTableTrait.Global => (entry & Valid) != 0 ? (entry & NotGlobal) == 0 : null,
            _ => null,
        };
    }

    private bool IsPresent(ulong entry) => (entry & Valid) != 0 || (entry & _presentInvalid) != 0;

    /// <summary>The second bit means page in the last level and table in the levels above.</summary>
    private static bool IsLeaf(ulong entry, int level) => level == 1 || (entry & Table) == 0;
}

namespace MemProc;

/// <summary>
/// Page tables of x86-64 with 4 or 5 levels (<c>arch/x86/include/asm/pgtable_types.h</c>, <c>pgtable_64.h</c>).
/// </summary>
/// <param name="levels">4 or 5.</param>
/// <param name="encryption">The bit that marks encrypted memory in physical addresses (SME, SEV); 0 for none.</param>
/// <param name="savesDirty">
/// The kernel keeps the dirty bit of a page that may not be written in bit 58, as it does from Linux 6.6 on.
/// </param>
internal sealed class X64PageTable(int levels, ulong encryption, bool savesDirty) : PageTableFormat(4096, levels)
{
    private const ulong Present = 1;
    private const ulong Writable = 1 << 1;
    private const ulong User = 1 << 2;
    private const ulong Accessed = 1 << 5;
    private const ulong Dirty = 1 << 6;
    private const ulong PageSize = 1 << 7;
    private const ulong Global = 1 << 8;
    private const ulong WriteProtected = 1 << 10;
    private const ulong SoftDirty = 1 << 11;
    private const ulong LargePageAttribute = 1 << 12;
    private const ulong SavedDirty = 1UL << 58;
    private const ulong NoExecute = 1UL << 63;
    private const ulong AddressMask = 0x000f_ffff_ffff_f000;
    private const int ProtectionKeyShift = 59;
    private const ulong ProtectionKeyMask = 0xf;

    /// <summary>Marks a page without access rights (PROT_NONE): present for the kernel, not for the processor.</summary>
    private const ulong ProtNone = Global;

    private static readonly (ulong Bit, string Name)[] Common =
        [(Writable, "RW"), (User, "US"), (1 << 3, "PWT"), (1 << 4, "PCD"), (Accessed, "A")];

    /// <summary>
    /// Bits 9 to 11, 57 and 58 are the kernel's own. A page of hugetlb can have SavedDirty beside RW: the kernel makes the
    /// entry dirty first and writable then, and leaves the saved bit (<c>make_huge_pte</c>).
    /// </summary>
    private readonly (ulong Bit, string Name)[] _leafFlags =
    [
        (Dirty, "D"), (Global, "G"), (1 << 9, "Special"), (WriteProtected, "UffdWp"), (SoftDirty, "SoftDirty"),
        .. savesDirty ? [(1UL << 57, "SW4"), (SavedDirty, "SavedDirty")] : new[] { (1UL << 58, "SW4") },
    ];

    /// <summary>The kernel's own bits in entries that are not present.</summary>
    private static readonly (ulong Bit, string Name)[] SwapFlags =
        [(1 << 1, "SoftDirty"), (1 << 2, "UffdWp"), (1 << 3, "Exclusive")];

    /// <inheritdoc/>
    public override ulong AddressBits => AddressMask & ~encryption;

    /// <inheritdoc/>
    public override PageTableBits Decode(ulong entry, int level)
    {
        if (entry == 0)
        {
            return default;
        }

        if (IsSwap(entry))
        {
            // The offset is stored inverted, so that no processor speculates on it as an address in use (L1TF).
            return new PageTableBits
            {
                IsLeaf = true,
                IsSwapEntry = true,
                SwapType = (uint)(entry >> 59),
                SwapOffset = ~entry << 5 >> 14,
            };
        }

        bool isPresent = (entry & Present) != 0;
        bool isLeaf = IsLeaf(entry, level);
        ulong address = (isPresent ? entry : ~entry) & AddressMask & ~encryption;
        return new PageTableBits
        {
            IsPresent = true,
            IsLeaf = isLeaf,
            PhysicalAddress = isLeaf ? address & ~(BytesOf(level) - 1) : address,
            ProtectionKey = isLeaf ? (byte)(entry >> ProtectionKeyShift & ProtectionKeyMask) : null,
        };
    }

    /// <inheritdoc/>
    public override OutputList<string> FlagNames(ulong entry, int level)
    {
        if (IsSwap(entry))
        {
            return [.. SetBitNames(SwapFlags, entry)];
        }

        if (entry == 0)
        {
            return [];
        }

        bool isPresent = (entry & Present) != 0;
        bool isLeaf = IsLeaf(entry, level);
        List<string> names = [isPresent ? "P" : "PROT_NONE", .. SetBitNames(Common, entry)];
        if (isLeaf)
        {
            // In a page without access rights the global bit is the PROT_NONE mark.
            names.AddRange(SetBitNames(_leafFlags, isPresent ? entry : entry & ~Global));
            bool isLarge = level > 1;
            if (isLarge)
            {
                names.Add("PS");
            }

            // The bit that means PS in upper levels means PAT in the last level.
            if ((entry & (isLarge ? LargePageAttribute : PageSize)) != 0 && isPresent)
            {
                names.Add("PAT");
            }
        }

        if ((entry & NoExecute) != 0)
        {
            names.Add("NX");
        }

        return new(names);
    }

    /// <inheritdoc/>
    public override bool? TestTrait(ulong entry, int level, PageTableTrait trait)
    {
        if (entry == 0 || IsSwap(entry))
        {
            return null;
        }

        bool isLeaf = IsLeaf(entry, level);
        return trait switch
        {
            PageTableTrait.Writable => (entry & Writable) != 0,
            PageTableTrait.User => (entry & User) != 0,
            PageTableTrait.Accessed => (entry & Accessed) != 0,
            PageTableTrait.NoExecute => (entry & NoExecute) != 0,
            _ when !isLeaf => null,
            PageTableTrait.Dirty => (entry & (savesDirty ? Dirty | SavedDirty : Dirty)) != 0,
            PageTableTrait.Global => (entry & Present) != 0 ? (entry & Global) != 0 : null,
            PageTableTrait.SoftDirty => (entry & SoftDirty) != 0,
            PageTableTrait.WriteProtected => (entry & WriteProtected) != 0,
            _ => null,
        };
    }

    private static bool IsSwap(ulong entry) => entry != 0 && (entry & (Present | ProtNone)) == 0;

    private static bool IsLeaf(ulong entry, int level) => level == 1 || (level is 2 or 3 && (entry & PageSize) != 0);
}

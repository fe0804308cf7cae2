namespace MemProc;

/// <summary>
/// Page tables of x86-64 with 4 or 5 levels (<c>arch/x86/include/asm/pgtable_types.h</c>, <c>pgtable_64.h</c>).
/// </summary>
/// <param name="levels">4 or 5.</param>
/// <param name="encryption">The bit that marks encrypted memory in physical addresses (SME, SEV); 0: none.</param>
internal sealed class X64PageTable(int levels, ulong encryption) : PageTableFormat(4096, levels)
{
    private const ulong Present = 1;
    private const ulong PageSize = 1 << 7;
    private const ulong Global = 1 << 8;
    private const ulong AddressMask = 0x000f_ffff_ffff_f000;
    private const int ProtectionKeyShift = 59;
    private const ulong ProtectionKeyMask = 0xf;

    /// <summary>A page without access rights: present for the kernel, not for the processor.</summary>
    private const ulong ProtNone = Global;

    /// <summary>Bits 9 to 11 are the kernel's: the first differs by use, the others are these two.</summary>
    private static readonly (ulong Bit, string Name)[] Common =
    [
        (1 << 1, "RW"), (1 << 2, "US"), (1 << 3, "PWT"), (1 << 4, "PCD"), (1 << 5, "A"),
    ];

    private static readonly (ulong Bit, string Name)[] OfLeaves =
    [
        (1 << 6, "D"), (Global, "G"), (1 << 9, "Special"), (1 << 10, "UffdWp"), (1 << 11, "SoftDirty"),
        (1UL << 57, "SavedDirty"), (1UL << 58, "SW4"),
    ];

    private const ulong NoExecute = 1UL << 63;

    /// <inheritdoc/>
    public override PageTableBits Decode(ulong entry, int level)
    {
        if (entry == 0)
        {
            return new PageTableBits { Names = [] };
        }

        bool isPresent = (entry & Present) != 0;
        bool isProtNone = !isPresent && (entry & ProtNone) != 0;
        bool isHuge = level is 2 or 3 && (entry & PageSize) != 0;
        bool isLeaf = level == 1 || isHuge || !isPresent;
        if (!isPresent && !isProtNone)
        {
            // Below the type the offset is stored upside down, so that no processor takes it for an address in use.
            return new PageTableBits
            {
                IsLeaf = true,
                IsSwapEntry = true,
                SwapType = (uint)(entry >> 59),
                SwapOffset = ~entry << 5 >> 14,
                Names = [],
            };
        }

        ulong address = (isPresent ? entry : ~entry) & AddressMask & ~encryption;
        return new PageTableBits
        {
            IsPresent = true,
            IsLeaf = isLeaf,
            PhysicalAddress = isLeaf ? address & ~(BytesOf(level) - 1) : address,
            ProtectionKey = isLeaf ? (byte)(entry >> ProtectionKeyShift & ProtectionKeyMask) : null,
            Names = [.. Names(entry, level, isLeaf, isPresent)],
        };
    }

    private static IEnumerable<string> Names(ulong entry, int level, bool isLeaf, bool isPresent)
    {
        yield return isPresent ? "P" : "PROT_NONE";
        foreach ((ulong bit, string name) in isLeaf ? Common.Concat(OfLeaves) : Common)
        {
            // Without access the global bit is what marks the page.
            if ((entry & bit) != 0 && !(bit == Global && !isPresent))
            {
                yield return name;
            }
        }

        if ((entry & PageSize) != 0 && isPresent)
        {
            yield return isLeaf && level > 1 ? "PS" : "PAT";
        }

        if ((entry & NoExecute) != 0)
        {
            yield return "NX";
        }
    }
}

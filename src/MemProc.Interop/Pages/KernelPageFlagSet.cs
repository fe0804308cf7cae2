using System.Numerics;
using System.Text;

namespace MemProc.Interop;

/// <summary>
/// One entry of <c>/proc/kpageflags</c> (<c>fs/proc/page.c</c>). Unknown bits are kept and shown by number.
/// </summary>
/// <param name="Raw">The 64 bits.</param>
public readonly record struct KernelPageFlagSet(ulong Raw)
{
    /// <summary>Bits 32 to 47 are for kernel developers.</summary>
    private const ulong RawBits = 0xFFFFUL << 32;
    private const int Error = 1, Lru = 5, Active = 6, Slab = 7, Writeback = 8, Reclaim = 9, Anonymous = 12,
        SwapBacked = 14, CompoundHead = 15, CompoundTail = 16, Huge = 17, HwPoison = 19, ZeroPage = 24, Owner2 = 34,
        SoftDirty = 40, AnonExclusive = 47, Readahead = 48, SlubFrozen = 50, SlubDebug = 51, FilePage = 61, Swap = 62,
        MmapExclusive = 63;

    private static readonly KernelPageFlag?[] ByBit = IndexByBit();

    /// <summary>
    /// The flags without those for kernel developers: bits 32 to 47, and the compound bits of all but hugetlb pages. This
    /// is what page-types shows without its option for raw flags.
    /// </summary>
    public KernelPageFlagSet WellKnown
    {
        get
        {
            ulong flags = Raw & ~RawBits;
            return new((flags & Bit(Huge)) == 0 ? flags & ~(Bit(CompoundHead) | Bit(CompoundTail)) : flags);
        }
    }

    /// <summary>
    /// Returns the flags with overloaded bits moved to the bit of their meaning for this kind of page, and with the bits of
    /// the pagemap entry, as page-types does for raw flags.
    /// </summary>
    /// <param name="page">The pagemap entry; default if the frame was not reached through a page.</param>
    public KernelPageFlagSet Expand(RawPageMapEntry page = default)
    {
        ulong flags = Raw;
        if (Has(flags, Anonymous))
        {
            Move(ref flags, Owner2, AnonExclusive);
        }

        if (Has(flags, Slab))
        {
            Move(ref flags, Active, SlubFrozen);
            Move(ref flags, Error, SlubDebug);
        }

        if (!Has(flags, Writeback))
        {
            Move(ref flags, Reclaim, Readahead);
        }

        return new(flags
            | (page.IsSoftDirty ? Bit(SoftDirty) : 0)
            | (page.IsFileOrShared ? Bit(FilePage) : 0)
            | (page.IsSwapped ? Bit(Swap) : 0)
            | (page.IsExclusive ? Bit(MmapExclusive) : 0));
    }

    /// <summary>The names of the bits that are set, lowest first; an unknown bit is <c>bit27</c>.</summary>
    public string[] Names
    {
        get
        {
            string[] names = new string[BitOperations.PopCount(Raw)];
            int next = 0;
            for (ulong rest = Raw; rest != 0; rest &= rest - 1)
            {
                int bit = BitOperations.TrailingZeroCount(rest);
                names[next++] = ByBit[bit]?.Name ?? $"bit{bit}";
            }

            return names;
        }
    }

    /// <summary>
    /// page-types' symbolic form: a letter or <c>_</c> for each named flag, then <c>+N</c> for each set bit without a
    /// letter.
    /// </summary>
    public string Symbol
    {
        get
        {
            StringBuilder text = new(48);
            ulong rest = Raw;
            foreach (KernelPageFlag flag in KernelPageFlag.All)
            {
                if (flag.Letter != '\0')
                {
                    text.Append(Has(Raw, flag.Bit) ? flag.Letter : '_');
                    rest &= ~Bit(flag.Bit);
                }
            }

            for (; rest != 0; rest &= rest - 1)
            {
                text.Append('+').Append(BitOperations.TrailingZeroCount(rest));
            }

            return text.ToString();
        }
    }

    /// <summary>Bit 5: on one of the LRU lists of reclaimable memory.</summary>
    public bool IsOnLru => Has(Raw, Lru);

    /// <summary>Bit 12: private anonymous memory.</summary>
    public bool IsAnonymous => Has(Raw, Anonymous);

    /// <summary>Bit 14: in memory or in swap, and never read again from a file.</summary>
    public bool IsSwapBacked => Has(Raw, SwapBacked);

    /// <summary>Bit 15: the first frame of a compound page.</summary>
    public bool IsCompoundHead => Has(Raw, CompoundHead);

    /// <summary>Bit 16: a later frame of a compound page, whose state is kept in the first frame.</summary>
    public bool IsCompoundTail => Has(Raw, CompoundTail);

    /// <summary>Bit 17: a page of hugetlbfs.</summary>
    public bool IsHugeTlb => Has(Raw, Huge);

    /// <summary>Bit 19: taken out of use after a memory error, real or injected.</summary>
    public bool IsPoisoned => Has(Raw, HwPoison);

    /// <summary>Bit 24: the page of zeros that backs memory which was read and never written, or the huge one.</summary>
    public bool IsZeroPage => Has(Raw, ZeroPage);

    private static void Move(ref ulong flags, int from, int to)
    {
        if (Has(flags, from))
        {
            flags ^= Bit(from) | Bit(to);
        }
    }

    private static bool Has(ulong flags, int bit) => (flags & Bit(bit)) != 0;

    private static ulong Bit(int bit) => 1UL << bit;

    private static KernelPageFlag?[] IndexByBit()
    {
        KernelPageFlag?[] table = new KernelPageFlag?[64];
        foreach (KernelPageFlag flag in KernelPageFlag.All)
        {
            table[flag.Bit] = flag;
        }

        return table;
    }
}

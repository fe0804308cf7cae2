using System.Numerics;
using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>A level of the page table, from the last one up to the root. Not every machine has all of them.</summary>
public enum PageTableLevel
{
    /// <summary>Page table: one entry for each page.</summary>
    PTE = 1,
    /// <summary>Page middle directory.</summary>
    PMD = 2,
    /// <summary>Page upper directory.</summary>
    PUD = 3,
    /// <summary>The level between PUD and PGD, with five levels only.</summary>
    P4D = 4,
    /// <summary>Page global directory: the root.</summary>
    PGD = 5,
}

/// <summary>Properties of a page table entry, by names that do not depend on the processor.</summary>
internal enum PageTableTrait
{
    Writable,
    User,
    Accessed,
    Dirty,
    Global,
    NoExecute,
    SoftDirty,
    WriteProtected,
}

/// <summary>Where a page table entry points. What a processor does not have is null.</summary>
internal readonly record struct PageTableBits
{
    /// <summary>It points to a frame or to a table of the next level.</summary>
    public bool IsPresent { get; init; }

    /// <summary>It is the last entry of the walk: it maps a page, or records what became of the page.</summary>
    public bool IsLeaf { get; init; }

    /// <summary>Physical address of the frame or of the next table; 0 if the entry is not present.</summary>
    public ulong PhysicalAddress { get; init; }

    /// <summary>It is not present and not empty: the page is in swap, is being migrated, or is a guard.</summary>
    public bool IsSwapEntry { get; init; }

    /// <summary>The swap area, or another meaning that the kernel gives to the number.</summary>
    public uint SwapType { get; init; }

    /// <summary>The slot in the swap area.</summary>
    public ulong SwapOffset { get; init; }

    /// <summary>Protection key of x86.</summary>
    public byte? ProtectionKey { get; init; }
}

/// <summary>The layout of a processor's page tables. Pure: numbers in, numbers out.</summary>
/// <param name="pageBytes">Bytes of a page, and of a table.</param>
/// <param name="levels">The number of levels.</param>
internal abstract class PageTableFormat(ulong pageBytes, int levels)
{
    /// <summary>Bytes of an entry.</summary>
    public const int EntryBytes = 8;

    /// <summary>The largest number of levels that a machine has.</summary>
    public const int MaxLevels = 5;

    /// <summary>Binary logarithm of the page size.</summary>
    public int PageShift { get; } = BitOperations.Log2(pageBytes);

    /// <summary>The number of levels.</summary>
    public int Levels { get; } = levels;

    /// <summary>Bits of an address that are the index in a table.</summary>
    private int IndexBits => IndexBitsOf(PageShift);

    /// <summary>The bits of an entry that are a physical address (PTE_PFN_MASK of x86).</summary>
    public abstract ulong AddressBits { get; }

    /// <summary>Number of entries of a table.</summary>
    public int EntryCount => 1 << IndexBits;

    /// <summary>Returns the format of this machine.</summary>
    /// <param name="levels">The number of levels.</param>
    /// <param name="encryption">The bit that marks encrypted memory in physical addresses of x86; 0 for none.</param>
    public static PageTableFormat Native(int levels, ulong encryption) =>
        RuntimeInformation.ProcessArchitecture == Architecture.X64
            ? new X64PageTable(levels, encryption, savesDirty: Environment.OSVersion.Version >= new Version(6, 6))
            : new Arm64PageTable(MachinePage.SizeBytes, levels,
                marksInvalid: Environment.OSVersion.Version >= new Version(6, 10));

    /// <summary>
    /// Returns the formats that this machine's entries can have, with the bit that marks encrypted memory: of several that
    /// fit an entry the first is the right one.
    /// </summary>
    /// <param name="levels">The number of levels.</param>
    public static IEnumerable<(PageTableFormat Format, ulong Encryption)> Candidates(int levels)
    {
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            return KernelAddresses.EncryptionBits.Select(bit => (Native(levels, bit), bit));
        }

        // With addresses of 52 bits, two bits that otherwise are set in all entries for memory are part of the address.
        bool marksInvalid = Environment.OSVersion.Version >= new Version(6, 10);
        return Enumerable.Range(0, 2).Select(index => index == 0).Select(isLarge =>
            ((PageTableFormat)new Arm64PageTable(MachinePage.SizeBytes, levels, marksInvalid, isLarge), 0UL));
    }

    /// <summary>Returns the number of levels that addresses need with this machine's page size.</summary>
    /// <param name="addressBits">Bits of a virtual address.</param>
    public static int LevelsFor(int addressBits)
    {
        int pageShift = BitOperations.Log2(MachinePage.SizeBytes);
        int indexBits = IndexBitsOf(pageShift);
        return (addressBits - pageShift + indexBits - 1) / indexBits;
    }

    /// <summary>Returns the name of a level: the root is always PGD.</summary>
    /// <param name="level">The level, 1 for the last one.</param>
    public PageTableLevel NameOf(int level) => level == Levels ? PageTableLevel.PGD : (PageTableLevel)level;

    /// <summary>Returns the bytes that an entry of a level covers.</summary>
    public ulong BytesOf(int level) => 1UL << ShiftOf(level);

    /// <summary>Returns the index of an address in a table of a level.</summary>
    public int IndexOf(ulong address, int level) => (int)(address >> ShiftOf(level) & ((1UL << IndexBits) - 1));

    /// <summary>Returns where an entry points.</summary>
    /// <param name="entry">Its bits.</param>
    /// <param name="level">The level of its table.</param>
    public abstract PageTableBits Decode(ulong entry, int level);

    /// <summary>Returns the bits that are set, by the names of the processor and the kernel.</summary>
    /// <inheritdoc cref="Decode"/>
    public abstract OutputList<string> FlagNames(ulong entry, int level);

    /// <summary>Returns whether an entry has a property; null if an entry of this kind does not record it.</summary>
    /// <param name="entry">Its bits.</param>
    /// <param name="level">The level of its table.</param>
    /// <param name="trait">The property.</param>
    public abstract bool? TestTrait(ulong entry, int level, PageTableTrait trait);

    /// <summary>Returns the names of the bits that are set.</summary>
    protected static IEnumerable<string> SetBitNames((ulong Bit, string Name)[] bits, ulong entry) =>
        bits.Where(bit => (entry & bit.Bit) != 0).Select(bit => bit.Name);

    private static int IndexBitsOf(int pageShift) => pageShift - BitOperations.Log2(EntryBytes);

    /// <summary>Returns the lowest bit of an address that is part of the index in a table of a level.</summary>
    public int ShiftOf(int level) => PageShift + IndexBits * (level - 1);
}

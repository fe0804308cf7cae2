using System.Numerics;
using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>How a processor lays out its page tables. Pure: numbers in, numbers out.</summary>
/// <param name="pageBytes">Bytes of a page: also of a table.</param>
/// <param name="levels">How many levels there are.</param>
internal abstract class PageTableFormat(ulong pageBytes, int levels)
{
    /// <summary>Bytes of an entry.</summary>
    public const int EntryBytes = 8;

    /// <summary>No machine has more levels.</summary>
    public const int MostLevels = 5;

    /// <summary>Binary logarithm of the page size.</summary>
    public int PageShift { get; } = BitOperations.Log2(pageBytes);

    /// <summary>How many levels there are.</summary>
    public int Levels { get; } = levels;

    /// <summary>Bits of an address that are the index in a table of one level.</summary>
    private int IndexBits => PageShift - 3;

    /// <summary>The format of this machine.</summary>
    /// <param name="levels">How many levels there are.</param>
    /// <param name="encryption">The bit that marks encrypted memory in physical addresses, of x86; 0: none.</param>
    public static PageTableFormat Native(int levels, ulong encryption) =>
        RuntimeInformation.ProcessArchitecture == Architecture.X64
            ? new X64PageTable(levels, encryption, savesDirty: Environment.OSVersion.Version >= new Version(6, 6))
            : new Arm64PageTable(MachinePage.SizeBytes, levels,
                marksInvalid: Environment.OSVersion.Version >= new Version(6, 10));

    /// <summary>What a level is called: the root is always PGD.</summary>
    /// <param name="level">The level, 1 for the last one.</param>
    public PageTableLevel NameOf(int level) => level == Levels ? PageTableLevel.PGD : (PageTableLevel)level;

    /// <summary>Bytes that an entry of a level stands for.</summary>
    public ulong BytesOf(int level) => 1UL << ShiftOf(level);

    /// <summary>Where an address stands in a table of a level.</summary>
    public int IndexOf(ulong address, int level) => (int)(address >> ShiftOf(level) & ((1UL << IndexBits) - 1));

    /// <summary>Where an entry leads.</summary>
    /// <param name="entry">Its bits.</param>
    /// <param name="level">The level of its table.</param>
    public abstract PageTableBits Decode(ulong entry, int level);

    /// <summary>The bits that are set, by the names of the processor and the kernel.</summary>
    /// <inheritdoc cref="Decode"/>
    public abstract IReadOnlyList<string> NamesOf(ulong entry, int level);

    /// <summary>Whether an entry says something; null where an entry of this kind does not tell.</summary>
    /// <param name="entry">Its bits.</param>
    /// <param name="level">The level of its table.</param>
    /// <param name="trait">What.</param>
    public abstract bool? Says(ulong entry, int level, PageTableTrait trait);

    /// <summary>The names of those bits that are set.</summary>
    protected static IEnumerable<string> Named((ulong Bit, string Name)[] bits, ulong entry) =>
        bits.Where(bit => (entry & bit.Bit) != 0).Select(bit => bit.Name);

    private int ShiftOf(int level) => PageShift + IndexBits * (level - 1);
}

using System.Text;

namespace MemProc;

/// <summary>What is compared, and how differences are returned.</summary>
public sealed record ComparisonOptions
{
    /// <summary>Maximum number of equal bytes between two differences that are one run.</summary>
    public const int MaxJoinBytes = 256;

    /// <summary>Maximum number of bytes before and after that a run holds.</summary>
    public const int MaxRunBytes = 1024 * 1024;

    /// <summary>Maximum size of a value or struct in bytes.</summary>
    public const int MaxTypeBytes = 64 * 1024;

    /// <summary>Selects mappings: that before or that after has to match.</summary>
    public MapFilter Filter { get; init; } = new();

    /// <summary>First address.</summary>
    public ulong Start { get; init; }

    /// <summary>First address after the range.</summary>
    public ulong End { get; init; } = long.MaxValue;

    /// <summary>
    /// Whether what is not in memory is compared, too: of a process it is faulted in, of a core it is read from the mapped
    /// file where that has the build id of the core.
    /// </summary>
    public bool IncludeNotResident { get; init; }

    /// <summary>Equal bytes between two differences that still make one run; at most <see cref="MaxJoinBytes"/>.</summary>
    public int JoinBytes { get; init; } = 8;

    /// <summary>Bytes before and after that a run holds; at most <see cref="MaxRunBytes"/>.</summary>
    public int RunBytes { get; init; } = 4096;

    /// <summary>The struct, or the one value, that changes are returned as; null: runs of bytes.</summary>
    public MemoryLayout? Layout { get; init; }

    /// <summary>The byte order of types that have none.</summary>
    public bool IsBigEndian { get; init; } = !BitConverter.IsLittleEndian;

    /// <summary>Encoding of strings of one-byte characters.</summary>
    public Encoding Encoding { get; init; } = Encoding.UTF8;

    /// <summary>Processors that take part.</summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 4);

    /// <summary>The addresses.</summary>
    internal AddressRange Range => new(Start, End);

    /// <summary>Returns the same options within a range.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Length in bytes; null: to the end of user space.</param>
    /// <exception cref="MemProcException">CompareMemory, EINVAL: not a valid range.</exception>
    public ComparisonOptions From(ulong address, ulong? length) => this with
    {
        Start = address,
        End = UserRange.End(
            address, length ?? (address < long.MaxValue ? long.MaxValue - address : 1), Operation.CompareMemory),
    };

    /// <summary>Returns a layout that memory can be compared by.</summary>
    /// <exception cref="ArgumentException">It has fields in two places, or is too large.</exception>
    public static MemoryLayout CheckLayout(MemoryLayout layout) => layout.HasTextPointers
        ? throw new ArgumentException("A char* is a pointer and its text: compare the pointer, or the text as char[16].")
        : layout.SizeBytes > MaxTypeBytes
        ? throw new ArgumentException($"A compared value has at most {HumanSize.Format(MaxTypeBytes)}.")
        : layout;

    /// <summary>Returns one value as a layout that memory can be compared by.</summary>
    /// <inheritdoc cref="CheckLayout(MemoryLayout)" path="/exception"/>
    public static MemoryLayout CheckType(MemoryType type) => CheckLayout(MemoryLayout.Of(type));
}

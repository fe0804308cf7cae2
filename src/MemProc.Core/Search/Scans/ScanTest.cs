using System.Numerics;
using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>
/// Which candidates stay: those that are to what they were in a relation, or those that fulfil a condition now. A NaN
/// neither goes up nor down.
/// </summary>
public abstract class ScanTest
{
    private protected ScanTest()
    {
    }

    /// <summary>What they are to what they were.</summary>
    /// <param name="type">The type of the numbers.</param>
    /// <param name="comparison">The relation.</param>
    /// <exception cref="ArgumentException">Numbers of the type cannot be compared.</exception>
    public static ScanTest Of(MemoryValueType type, ScanComparison comparison) => type switch
    {
        MemoryValueType.SByte => new Comparison<sbyte>(comparison),
        MemoryValueType.Byte => new Comparison<byte>(comparison),
        MemoryValueType.Int16 => new Comparison<short>(comparison),
        MemoryValueType.UInt16 => new Comparison<ushort>(comparison),
        MemoryValueType.Int32 => new Comparison<int>(comparison),
        MemoryValueType.UInt32 => new Comparison<uint>(comparison),
        MemoryValueType.Int64 => new Comparison<long>(comparison),
        MemoryValueType.UInt64 or MemoryValueType.Pointer => new Comparison<ulong>(comparison),
        MemoryValueType.Single => new Comparison<float>(comparison),
        MemoryValueType.Double => new Comparison<double>(comparison),
        _ => throw new ArgumentException($"{type} is no type of numbers that a scan compares.", nameof(type)),
    };

    /// <summary>What they are now.</summary>
    /// <param name="condition">The condition.</param>
    public static ScanTest Of(ValueCondition condition) => new Condition(condition);

    /// <summary>Whether one stays.</summary>
    internal abstract bool Keeps(ReadOnlySpan<byte> now, ReadOnlySpan<byte> before);

    /// <summary>What becomes of candidates that are what they were: all stay, none does, or it depends.</summary>
    internal virtual bool? KeepsSame => null;

    /// <summary>Marks the candidates of a block that stay.</summary>
    /// <param name="block">The block.</param>
    /// <param name="now">The memory from its first candidate to the last.</param>
    /// <param name="layout">Size and distance of the numbers.</param>
    /// <param name="bits">Gets a bit for each that stays, from the first candidate's slot on.</param>
    internal void Mark(ScanBlock block, ReadOnlySpan<byte> now, in ScanLayout layout, Span<ulong> bits)
    {
        ScanBlock.Candidates candidates = block.GetCandidates();
        while (candidates.MoveNext())
        {
            int slot = candidates.Slot - block.FirstSlot;
            if (Keeps(layout.Number(now, slot), candidates.Number))
            {
                bits[slot / 64] |= 1UL << (slot % 64);
            }
        }
    }

    private sealed class Condition(ValueCondition condition) : ScanTest
    {
        internal override bool Keeps(ReadOnlySpan<byte> now, ReadOnlySpan<byte> before) => condition.Fits(now);
    }

    private sealed class Comparison<T>(ScanComparison comparison) : ScanTest
        where T : unmanaged, INumber<T>
    {
        internal override bool? KeepsSame => comparison == ScanComparison.Unchanged;

        internal override bool Keeps(ReadOnlySpan<byte> now, ReadOnlySpan<byte> before) => comparison switch
        {
            ScanComparison.Changed => !now.SequenceEqual(before),
            ScanComparison.Unchanged => now.SequenceEqual(before),
            ScanComparison.Increased => MemoryMarshal.Read<T>(now) > MemoryMarshal.Read<T>(before),
            _ => MemoryMarshal.Read<T>(now) < MemoryMarshal.Read<T>(before),
        };
    }
}

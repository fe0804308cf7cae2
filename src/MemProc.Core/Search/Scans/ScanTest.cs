using System.Numerics;
using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>How a number is compared with its previous value.</summary>
public enum ScanComparison
{
    /// <summary>Its bytes differ.</summary>
    Changed,
    /// <summary>Its bytes are the same.</summary>
    Unchanged,
    /// <summary>It is larger.</summary>
    Increased,
    /// <summary>It is smaller.</summary>
    Decreased,
}

/// <summary>
/// Decides which candidates stay: by their previous value, or by a condition on the present one. A NaN neither
/// increases nor decreases.
/// </summary>
public abstract class ScanTest
{
    private protected ScanTest()
    {
    }

    /// <summary>Creates a test that compares numbers with their previous values.</summary>
    /// <param name="type">The type of the numbers.</param>
    /// <param name="comparison">The comparison.</param>
    /// <exception cref="ArgumentException">Numbers of the type cannot be compared.</exception>
    public static ScanTest Of(MemoryValueType type, ScanComparison comparison) => type switch
    {
        MemoryValueType.SByte => new Comparison<sbyte>(comparison),
        MemoryValueType.Byte => new Comparison<byte>(comparison),
        MemoryValueType.Int16 => new Comparison<short>(comparison),
        MemoryValueType.UInt16 => new Comparison<ushort>(comparison),
        MemoryValueType.Int32 => new Comparison<int>(comparison),
        MemoryValueType.UInt32 or MemoryValueType.Pointer32 => new Comparison<uint>(comparison),
        MemoryValueType.Int64 => new Comparison<long>(comparison),
        MemoryValueType.UInt64 or MemoryValueType.Pointer => new Comparison<ulong>(comparison),
        MemoryValueType.Single => new Comparison<float>(comparison),
        MemoryValueType.Double => new Comparison<double>(comparison),
        _ => throw new ArgumentException($"Numbers of type {type} cannot be compared. Use an integer type up to 64 bits, Single, "
            + "Double or Pointer.", nameof(type)),
    };

    /// <summary>Creates a test of the present values.</summary>
    /// <param name="condition">The condition.</param>
    public static ScanTest Of(ValueCondition condition) => new Condition(condition);

    /// <summary>Returns whether a candidate stays.</summary>
    internal abstract bool Matches(ReadOnlySpan<byte> now, ReadOnlySpan<byte> before);

    /// <summary>Whether candidates with unchanged bytes stay; null when it depends on their values.</summary>
    internal virtual bool? MatchesUnchanged => null;

    /// <summary>Marks the candidates of a block that stay.</summary>
    /// <param name="block">The block.</param>
    /// <param name="now">The memory from its first candidate to the last.</param>
    /// <param name="layout">Size and alignment of the numbers.</param>
    /// <param name="bits">Receives a bit for each that stays, from the first candidate's slot on.</param>
    internal void Mark(ScanBlock block, ReadOnlySpan<byte> now, in ScanLayout layout, Span<ulong> bits)
    {
        ScanBlock.Candidates candidates = block.GetCandidates();
        while (candidates.MoveNext())
        {
            int slot = candidates.Slot - block.FirstSlot;
            if (Matches(layout.Number(now, slot), candidates.Number))
            {
                bits[slot / 64] |= 1UL << (slot % 64);
            }
        }
    }

    private sealed class Condition(ValueCondition condition) : ScanTest
    {
        internal override bool Matches(ReadOnlySpan<byte> now, ReadOnlySpan<byte> before) => condition.Matches(now);
    }

    private sealed class Comparison<T>(ScanComparison comparison) : ScanTest
        where T : unmanaged, INumber<T>
    {
        internal override bool? MatchesUnchanged => comparison == ScanComparison.Unchanged;

        internal override bool Matches(ReadOnlySpan<byte> now, ReadOnlySpan<byte> before) => comparison switch
        {
            ScanComparison.Changed => !now.SequenceEqual(before),
            ScanComparison.Unchanged => now.SequenceEqual(before),
            ScanComparison.Increased => MemoryMarshal.Read<T>(now) > MemoryMarshal.Read<T>(before),
            _ => MemoryMarshal.Read<T>(now) < MemoryMarshal.Read<T>(before),
        };
    }
}

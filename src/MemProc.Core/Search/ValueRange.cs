using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MemProc;

/// <summary>Numbers from one to another, both included; all NaNs when both are NaN.</summary>
internal sealed class ValueRange<T>(MemoryValueType type, T low, T high) : ValueCondition(type)
    where T : unmanaged, INumber<T>
{
    /// <summary>Offsets that are compared at a time.</summary>
    private const int Step = 32;

    /// <inheritdoc/>
    internal override bool Matches(ReadOnlySpan<byte> bytes)
    {
        T value = MemoryMarshal.Read<T>(bytes);
        return T.IsNaN(low) ? T.IsNaN(value) : value >= low && value <= high;
    }

    /// <inheritdoc/>
    internal override int Find(byte[] buffer, int at, int end, int alignment, ref int next, Span<FoundMatch> found) =>
        T.IsNaN(low) ? Find<AreNaN>(buffer, at, end, alignment, ref next, found)
        : low == high ? Find<AreEqual>(buffer, at, end, alignment, ref next, found)
        : Find<AreBetween>(buffer, at, end, alignment, ref next, found);

    private int Find<TTest>(byte[] buffer, int at, int end, int alignment, ref int next, Span<FoundMatch> found)
        where TTest : struct, ITest
    {
        ref byte origin = ref MemoryMarshal.GetArrayDataReference(buffer);
        Vector256<T> lowest = Vector256.Create(low), highest = Vector256.Create(high);
        int size = Unsafe.SizeOf<T>();
        uint aligned = Starts(Math.Max(alignment, size));
        int step = Math.Max(Step, alignment);
        int count = 0;
        for (; at < end; at += step)
        {
            uint starts = Test<TTest>(ref origin, at, lowest, highest) & aligned;
            for (int shift = alignment; shift < size; shift += alignment)
            {
                starts |= (Test<TTest>(ref origin, at + shift, lowest, highest) & aligned) << shift;
            }

            while (starts != 0)
            {
                int start = at + BitOperations.TrailingZeroCount(starts);
                if (start >= end)
                {
                    break;
                }

                starts &= starts - 1;
                found[count++] = new FoundMatch(start, size);
                if (count == found.Length)
                {
                    next = start + 1;
                    return count;
                }
            }
        }

        next = int.MaxValue;
        return count;
    }

    /// <summary>Returns a bit for each byte of the numbers in the range.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Test<TTest>(ref byte origin, int at, Vector256<T> lowest, Vector256<T> highest)
        where TTest : struct, ITest =>
        TTest.Test(Vector256.LoadUnsafe(ref origin, (nuint)at).As<byte, T>(), lowest, highest)
            .AsByte().ExtractMostSignificantBits();

    private static uint Starts(int alignment)
    {
        uint starts = 0;
        for (int start = 0; start < Step; start += alignment)
        {
            starts |= 1u << start;
        }

        return starts;
    }

    private interface ITest
    {
        static abstract Vector256<T> Test(Vector256<T> values, Vector256<T> low, Vector256<T> high);
    }

    private struct AreEqual : ITest
    {
        public static Vector256<T> Test(Vector256<T> values, Vector256<T> low, Vector256<T> high) =>
            Vector256.Equals(values, low);
    }

    private struct AreBetween : ITest
    {
        public static Vector256<T> Test(Vector256<T> values, Vector256<T> low, Vector256<T> high) =>
            Vector256.GreaterThanOrEqual(values, low) & Vector256.LessThanOrEqual(values, high);
    }

    private struct AreNaN : ITest
    {
        public static Vector256<T> Test(Vector256<T> values, Vector256<T> low, Vector256<T> high) =>
            ~Vector256.Equals(values, values);
    }
}

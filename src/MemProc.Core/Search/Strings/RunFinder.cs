using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MemProc;

/// <summary>
/// Finds runs of set bits in a sequence of 64-bit masks. Masks without a long run are skipped several at a time, so that
/// memory with many short runs takes hardly longer.
/// </summary>
internal struct RunFinder
{
    private const int Bits = 64;
    private const int ShiftBits = 8;

    /// <summary>A run that is so long has as many bits in one mask, or in the halves of two that meet.</summary>
    private const int MaxSkipped = Bits / 2;

    /// <summary>Bits in which costs are counted.</summary>
    private const int CostBits = 6;

    private readonly int _minLength;
    private readonly int _edge;
    private readonly int _end;

    /// <summary>The shifts, a byte each, that leave of a mask the bits at which runs that are not skipped start.</summary>
    private readonly ulong _shifts;

    /// <summary>Where the run begins that reaches the next mask; the start of that mask where there is none.</summary>
    private int _open;

    /// <summary>Whether that run has a required bit.</summary>
    private bool _hasRequired;

    /// <summary>Creates it.</summary>
    /// <param name="minLength">Minimum number of bits of a run, at least 1.</param>
    /// <param name="start">Number of the first bit.</param>
    /// <param name="edge">Runs that begin up to there are reported in any case: they can continue others.</param>
    /// <param name="end">Runs that end from there on are reported in any case: they can continue.</param>
    public RunFinder(int minLength, int start, int edge, int end)
    {
        (_minLength, _open, _edge, _end) = (minLength, start, edge, end);
        int length = Math.Min(minLength, MaxSkipped);
        for (int known = 1, place = 0; known < length; place += ShiftBits)
        {
            int step = Math.Min(known, length - known);
            _shifts |= (ulong)step << place;
            known += step;
        }
    }

    /// <summary>The runs found since this was cleared: first bit, and first bit after the run.</summary>
    public List<(int Start, int End)> Runs { get; } = [];

    /// <summary>Adds the next masks.</summary>
    /// <param name="masks">The masks, after the last one of those before.</param>
    /// <param name="required">
    /// Of these bits a run must have one, unless it is reported in any case; as many as masks. Empty: any.
    /// </param>
    /// <param name="costs">
    /// Of a run of minimum length one of these bits, at most, counts: one with more of them need not be reported. As many as
    /// masks. Empty: all bits count.
    /// </param>
    /// <param name="at">Number of the lowest bit of the first mask that is new.</param>
    public void Add(ReadOnlySpan<ulong> masks, ReadOnlySpan<ulong> required, ReadOnlySpan<ulong> costs, int at)
    {
        int inner = Math.Clamp((_end - at) / Bits, 0, masks.Length - 1) + 1, retry = 1;
        for (int index = 1; index < masks.Length; index++)
        {
            int start = at + (index - 1) * Bits;
            if (index >= retry && index < inner && _open > _edge && (required.IsEmpty || !_hasRequired))
            {
                int next = Skip(masks, required, costs, index, inner);
                // Where runs are close together, nothing is gained by a skip of each mask.
                retry = next > index ? index : index + Vector256<ulong>.Count;
                if (next > index)
                {
                    Reopen(masks, required, index, next, start);
                    start += (next - index) * Bits;
                    index = next;
                    if (index == masks.Length)
                    {
                        return;
                    }
                }
            }

            Add(masks[index], required.IsEmpty ? ulong.MaxValue : required[index], start, start <= _edge || start + Bits > _end);
        }
    }

    /// <summary>Ends the sequence.</summary>
    /// <param name="at">Number of the first bit after it.</param>
    public void End(int at)
    {
        if (at > _open)
        {
            Runs.Add((_open, at));
        }
    }

    /// <summary>Adds a mask.</summary>
    private void Add(ulong mask, ulong required, int at, bool all)
    {
        int leading = BitOperations.TrailingZeroCount(~mask);
        if (leading == Bits)
        {
            _hasRequired |= required != 0;
            return;
        }

        int end = at + leading;
        ulong first = (1UL << leading) - 1;
        if (end > _open && (all || _open <= _edge
            || (end - _open >= _minLength && (_hasRequired || (required & first) != 0))))
        {
            Runs.Add((_open, end));
        }

        Open(mask, required, at);
        ulong inner = mask & ~first & (ulong.MaxValue >> (at + Bits - _open));
        for (ulong starts = all ? inner : Long(inner); starts != 0;)
        {
            int from = BitOperations.TrailingZeroCount(starts);
            int to = from + BitOperations.TrailingZeroCount(~(inner >> from));
            ulong rest = ulong.MaxValue << to;
            if (all || (to - from >= _minLength && (required & ~rest & (ulong.MaxValue << from)) != 0))
            {
                Runs.Add((at + from, at + to));
            }

            starts &= rest;
        }
    }

    /// <summary>Notes the run at the end of a mask that is not all ones.</summary>
    private void Open(ulong mask, ulong required, int at)
    {
        int before = Bits - BitOperations.LeadingZeroCount(~mask);
        _open = at + before;
        // No shift by 64, where no run is open.
        _hasRequired = required >> (before - 1) > 1;
    }

    /// <summary>Notes the run at the end of masks that were skipped.</summary>
    private void Reopen(ReadOnlySpan<ulong> masks, ReadOnlySpan<ulong> required, int index, int next, int start)
    {
        // Those that are all ones have no required bit, or they would not have been skipped.
        for (int last = next - 1; last >= index; last--)
        {
            if (masks[last] != ulong.MaxValue)
            {
                Open(masks[last], required.IsEmpty ? ulong.MaxValue : required[last], start + (last - index) * Bits);
                return;
            }
        }
    }

    /// <summary>Returns the index of the first mask that can have the end of a run to report, or the end of one.</summary>
    private readonly int Skip(
        ReadOnlySpan<ulong> masks, ReadOnlySpan<ulong> required, ReadOnlySpan<ulong> costs, int index, int end)
    {
        // A run has some of its own bits.
        required = required.IsEmpty ? masks : required;
        bool hasCosts = !costs.IsEmpty && _minLength >= CostBits;
        for (; index + Vector256<ulong>.Count <= end; index += Vector256<ulong>.Count)
        {
            (Vector256<ulong> mask, Vector256<ulong> before) = Load(masks, index);
            Vector256<ulong> across = mask << MaxSkipped | before >> MaxSkipped;
            for (ulong shifts = _shifts; shifts != 0; shifts >>= ShiftBits)
            {
                int shift = (int)(shifts & (Bits - 1));
                mask &= mask >> shift;
                across &= across >> shift;
            }

            if (hasCosts)
            {
                (Vector256<ulong> cost, Vector256<ulong> costBefore) = Load(costs, index);
                mask = WithoutCostly(mask, cost);
                across = WithoutCostly(across, cost << MaxSkipped | costBefore >> MaxSkipped);
            }

            (Vector256<ulong> has, Vector256<ulong> had) = Load(required, index);
            Vector256<ulong> none = Vector256.Equals(mask | across, Vector256<ulong>.Zero)
                | Vector256.Equals(has | had, Vector256<ulong>.Zero);
            if (none != Vector256<ulong>.AllBitsSet)
            {
                return index + BitOperations.TrailingZeroCount(~none.ExtractMostSignificantBits());
            }
        }

        while (index < end && ((Long(masks[index]) | Long(masks[index] << MaxSkipped | masks[index - 1] >> MaxSkipped)) == 0
            || (required[index] | required[index - 1]) == 0))
        {
            index++;
        }

        return index;
    }

    /// <summary>Returns masks, and the masks before each of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<ulong> Masks, Vector256<ulong> Before) Load(ReadOnlySpan<ulong> masks, int index)
    {
        ref ulong origin = ref MemoryMarshal.GetReference(masks);
        return (Vector256.LoadUnsafe(ref origin, (nuint)index), Vector256.LoadUnsafe(ref origin, (nuint)index - 1));
    }

    /// <summary>
    /// Returns the starts of runs that are longer than required, or have at most one cost among their first bits.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> WithoutCostly(Vector256<ulong> starts, Vector256<ulong> costs)
    {
        Vector256<ulong> oneOf2 = costs | costs >> 1, twoOf2 = costs & costs >> 1;
        Vector256<ulong> oneOf4 = oneOf2 | oneOf2 >> 2, twoOf4 = twoOf2 | twoOf2 >> 2 | (oneOf2 & oneOf2 >> 2);
        return starts & (starts >> 1 | ~(twoOf4 | (oneOf4 & oneOf2 >> 4)));
    }

    /// <summary>Returns the bits of a mask that are followed by as many others as a run must have that is not skipped.</summary>
    private readonly ulong Long(ulong mask)
    {
        for (ulong shifts = _shifts; shifts != 0; shifts >>= ShiftBits)
        {
            mask &= mask >> (int)(shifts & (Bits - 1));
        }

        return mask;
    }
}

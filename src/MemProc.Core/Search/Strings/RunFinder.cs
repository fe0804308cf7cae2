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
    /// <param name="masks">The masks, at most 64, after the last one of those before.</param>
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
        ulong flags = Flag(masks, required, costs);
        int inner = Math.Clamp((_end - at) / Bits, 0, masks.Length - 1) + 1;
        for (int index = 1; index < masks.Length; index++)
        {
            if (_open > _edge && (required.IsEmpty || !_hasRequired) && index < inner)
            {
                ulong rest = flags >> (index - 1);
                int next = rest == 0 ? inner : Math.Min(inner, index + BitOperations.TrailingZeroCount(rest));
                Reopen(masks, required, index, next, at);
                index = next;
                if (index == masks.Length)
                {
                    return;
                }
            }

            int start = at + (index - 1) * Bits;
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
    private void Reopen(ReadOnlySpan<ulong> masks, ReadOnlySpan<ulong> required, int index, int next, int at)
    {
        // Those that are all ones have no required bit, or they would not have been skipped.
        for (int last = next - 1; last >= index; last--)
        {
            if (masks[last] != ulong.MaxValue)
            {
                Open(masks[last], required.IsEmpty ? ulong.MaxValue : required[last], at + (last - 1) * Bits);
                return;
            }
        }
    }

    /// <summary>
    /// Returns a bit for each mask that has, alone or with the end of the mask before it, as many bits in a row as a run
    /// that is not skipped, with a required bit among them.
    /// </summary>
    private readonly ulong Flag(ReadOnlySpan<ulong> masks, ReadOnlySpan<ulong> required, ReadOnlySpan<ulong> costs)
    {
        bool hasCosts = !costs.IsEmpty && _minLength >= CostBits;
        ulong flags = 0;
        int index = 1;
        for (; index + Vector256<ulong>.Count <= masks.Length; index += Vector256<ulong>.Count)
        {
            (Vector256<ulong> starts, Vector256<ulong> across) = Load(masks, index);
            for (ulong shifts = _shifts; shifts != 0; shifts >>= ShiftBits)
            {
                int shift = (int)(shifts & (Bits - 1));
                starts &= starts >> shift;
                across &= across >> shift;
            }

            if (hasCosts)
            {
                (Vector256<ulong> cost, Vector256<ulong> costAcross) = Load(costs, index);
                starts = WithoutCostly(starts, cost);
                across = WithoutCostly(across, costAcross);
            }

            if (!required.IsEmpty)
            {
                (Vector256<ulong> has, Vector256<ulong> hasAcross) = Load(required, index);
                for (ulong shifts = _shifts; shifts != 0; shifts >>= ShiftBits)
                {
                    int shift = (int)(shifts & (Bits - 1));
                    has |= has >> shift;
                    hasAcross |= hasAcross >> shift;
                }

                starts &= has;
                across &= hasAcross;
            }

            flags |= (ulong)(~Vector256.Equals(starts | across, Vector256<ulong>.Zero)).ExtractMostSignificantBits() << (index - 1);
        }

        for (; index < masks.Length; index++)
        {
            flags |= (Long(masks[index]) | Long(masks[index] << MaxSkipped | masks[index - 1] >> MaxSkipped)) == 0 ? 0 : 1UL << (index - 1);
        }

        return flags;
    }

    /// <summary>Returns masks, and for each the half of the one before it with its own first half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<ulong> Masks, Vector256<ulong> Across) Load(ReadOnlySpan<ulong> masks, int index)
    {
        ref ulong origin = ref MemoryMarshal.GetReference(masks);
        Vector256<ulong> mask = Vector256.LoadUnsafe(ref origin, (nuint)index);
        return (mask, mask << MaxSkipped | Vector256.LoadUnsafe(ref origin, (nuint)index - 1) >> MaxSkipped);
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

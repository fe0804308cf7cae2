using System.Numerics;

namespace MemProc;

/// <summary>
/// Finds runs of set bits in a sequence of 64-bit masks. Runs that are too short are skipped without being looked at, so
/// that memory with many of them takes hardly longer.
/// </summary>
/// <param name="minLength">Minimum number of bits of a run.</param>
/// <param name="edge">A run that begins up to there is reported whatever its length: it can continue one before it.</param>
internal struct RunFinder(int minLength, int edge)
{
    private const int Bits = 64;

    private int _open = -1;

    /// <summary>The runs found since this was cleared: first bit, and first bit after the run.</summary>
    public List<(int Start, int End)> Runs { get; } = [];

    /// <summary>Adds the next mask.</summary>
    /// <param name="mask">The mask.</param>
    /// <param name="at">Number of its lowest bit.</param>
    /// <param name="all">Report runs of any length in it.</param>
    /// <param name="inner">Report runs that begin and end in it.</param>
    public void Add(ulong mask, int at, bool all, bool inner = true)
    {
        if (mask == 0)
        {
            Close(at, all);
            return;
        }

        int leading = BitOperations.TrailingZeroCount(~mask);
        if (leading == Bits)
        {
            _open = _open < 0 ? at : _open;
            return;
        }

        if (_open >= 0)
        {
            Close(at + leading, all);
            mask = mask >> leading << leading;
        }

        int trailing = BitOperations.LeadingZeroCount(~mask);
        if (inner || all)
        {
            AddInner(trailing == 0 ? mask : mask & (ulong.MaxValue >> trailing), at, all);
        }

        _open = trailing > 0 ? at + Bits - trailing : -1;
    }

    /// <summary>Ends the sequence.</summary>
    /// <param name="at">Number of the first bit after it.</param>
    public void End(int at) => Close(at, all: true);

    private void Close(int end, bool all)
    {
        if (_open >= 0 && (all || end - _open >= minLength || _open <= edge))
        {
            Runs.Add((_open, end));
        }

        _open = -1;
    }

    private readonly void AddInner(ulong mask, int at, bool all)
    {
        for (ulong starts = all ? mask : LongEnough(mask); starts != 0;)
        {
            int start = BitOperations.TrailingZeroCount(starts);
            int end = start + BitOperations.TrailingZeroCount(~(mask >> start));
            Runs.Add((at + start, at + end));
            starts &= ulong.MaxValue << end;
        }
    }

    /// <summary>Returns the bits that are followed by enough others.</summary>
    private readonly ulong LongEnough(ulong mask)
    {
        if (minLength > Bits)
        {
            return 0;
        }

        for (int known = 1; known < minLength && mask != 0;)
        {
            int step = Math.Min(known, minLength - known);
            mask &= mask >> step;
            known += step;
        }

        return mask;
    }
}

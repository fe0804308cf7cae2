namespace MemProc;

/// <summary>Divides an address space into regions, and each region into cells.</summary>
internal static class PictureLayout
{
    /// <summary>Holes below this size are never folded.</summary>
    private const ulong MinHoleBytes = 1UL << 20;

    /// <summary>A mapping from this size on can be a region of its own.</summary>
    private const ulong MinReservationBytes = 256UL << 20;

    /// <summary>How much larger than its neighbor a mapping is that becomes a region of its own.</summary>
    private const ulong MinRatio = 256;

    private const int MaxRegions = 16;

    /// <summary>Divides mappings into regions: at the largest holes, and beside the largest reservations.</summary>
    /// <param name="maps">The mappings in address order.</param>
    /// <returns>The indexes of the first mapping of each region.</returns>
    public static int[] Divide(IReadOnlyList<ProcMap> maps)
    {
        List<(ulong Weight, int Index)> cuts = [];
        for (int index = 1; index < maps.Count; index++)
        {
            ProcMap before = maps[index - 1], after = maps[index];
            ulong hole = after.Start - before.End;
            ulong large = Math.Max(before.SizeBytes, after.SizeBytes), small = Math.Min(before.SizeBytes, after.SizeBytes);
            if (hole >= MinHoleBytes)
            {
                cuts.Add((hole, index));
            }
            else if (large >= MinReservationBytes && large / MinRatio >= small)
            {
                cuts.Add((large, index));
            }
        }

        return [0, .. cuts.OrderByDescending(cut => cut.Weight).Take(MaxRegions - 1).Select(cut => cut.Index).Order()];
    }

    /// <summary>Returns the size of the cells of a region: a page, or 2 or 3 times a power of two of pages.</summary>
    /// <param name="sizeBytes">Size of the region.</param>
    /// <param name="columns">Cells of a row.</param>
    /// <param name="isSingle">It is one mapping, for which a row is enough.</param>
    public static ulong CellBytes(ulong sizeBytes, int columns, bool isSingle)
    {
        int rows = isSingle || sizeBytes <= 64UL << 20 ? 1 : sizeBytes <= 4UL << 30 ? 2 : 3;
        ulong least = (sizeBytes - 1) / (ulong)(columns * rows) + 1;
        ulong bytes = MachinePage.SizeBytes;
        while (bytes < least)
        {
            bytes = bytes * 3 / 2 >= least && bytes > MachinePage.SizeBytes ? bytes * 3 / 2 : bytes * 2;
        }

        return bytes;
    }
}

/// <summary>Counts the bytes of each cell of a region by their value.</summary>
/// <param name="start">First address of the region.</param>
/// <param name="sizeBytes">Its size.</param>
/// <param name="cellBytes">Bytes of a cell.</param>
/// <param name="valueCount">Number of values.</param>
internal sealed class CellCounts(ulong start, ulong sizeBytes, ulong cellBytes, int valueCount)
{
    private readonly ulong[] _bytes = new ulong[(int)((sizeBytes - 1) / cellBytes + 1) * valueCount];

    /// <summary>Number of cells.</summary>
    public int Count => _bytes.Length / valueCount;

    /// <summary>Adds bytes of a range to a value, evenly where not all of the range has the value.</summary>
    /// <param name="range">Addresses within the region.</param>
    /// <param name="value">The value.</param>
    /// <param name="part">The part of the range that has the value.</param>
    public void Add(AddressRange range, int value, double part = 1)
    {
        for (ulong at = range.Start; at < range.End;)
        {
            ulong cell = (at - start) / cellBytes;
            ulong end = Math.Min(range.End - start, (cell + 1) * cellBytes) + start;
            _bytes[(int)cell * valueCount + value] += part >= 1 ? end - at : (ulong)((end - at) * part);
            at = end;
        }
    }

    /// <summary>Returns the bytes of a cell by value.</summary>
    public ReadOnlySpan<ulong> this[int cell] => _bytes.AsSpan(cell * valueCount, valueCount);
}

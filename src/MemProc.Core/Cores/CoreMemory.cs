using MemProc.Interop;

namespace MemProc;

/// <summary>The memory that a core holds, by address. Nothing is read before it is requested.</summary>
internal sealed class CoreMemory
{
    private readonly ElfSource _source;
    private readonly Extent[] _extents;

    /// <summary>Finds what the core holds.</summary>
    /// <param name="source">The bytes of the core.</param>
    /// <param name="segments">Its program headers. They are not trusted: they can overlap, and end after the file.</param>
    /// <param name="gaps">
    /// What MemProc did not save, in a core of its own: there the rest of a segment without bytes in the file is zero. Null
    /// in other cores, where that rest was not saved.
    /// </param>
    public CoreMemory(ElfSource source, IEnumerable<ElfSegment> segments, AddressRange[]? gaps)
    {
        _source = source;
        List<Extent> parts = [];
        foreach (ElfSegment segment in segments.Where(segment => segment.Type == ElfSegmentType.Load))
        {
            ulong start = segment.VirtualAddress;
            ulong stored = Math.Min(segment.FileBytes, ulong.MaxValue - start);
            ulong present = segment.Offset < source.Length ? Math.Min(stored, source.Length - segment.Offset) : 0;
            TruncatedBytes += stored - present;
            parts.Add(new Extent(start, start + present, segment.Offset, IsZero: false));
            ulong end = start + Math.Min(Math.Max(segment.MemoryBytes, stored), ulong.MaxValue - start);
            if (gaps is not null && present == stored)
            {
                parts.Add(new Extent(start + stored, end, 0, IsZero: true));
            }
        }

        _extents = WithoutOverlap(Without(parts, gaps ?? []));
        foreach (Extent extent in _extents)
        {
            SavedBytes += extent.End - extent.Start;
        }
    }

    /// <summary>Bytes that the core holds, pages of zeros included.</summary>
    public ulong SavedBytes { get; }

    /// <summary>Bytes that the core should hold by its program headers, and lacks as the file ends before them.</summary>
    public ulong TruncatedBytes { get; }

    /// <summary>Reads bytes, up to the end of what is saved without a gap in one segment.</summary>
    /// <returns>ENODATA: nothing is saved at the address.</returns>
    /// <exception cref="MemProcException">ReadElf: the file cannot be read.</exception>
    public Errno TryRead(ulong address, Span<byte> buffer, out int read)
    {
        read = 0;
        int index = FirstAfter(address);
        if (index == _extents.Length || _extents[index].Start > address)
        {
            return Errno.ENODATA;
        }

        Extent extent = _extents[index];
        int length = (int)Math.Min((ulong)buffer.Length, extent.End - address);
        if (extent.IsZero)
        {
            buffer[..length].Clear();
            read = length;
            return Errno.None;
        }

        read = _source.Read(extent.Offset + (address - extent.Start), buffer[..length]);
        // The file has become shorter since it was opened.
        return read > 0 ? Errno.None : Errno.ENODATA;
    }

    /// <summary>Whether the core holds a byte.</summary>
    public bool Has(ulong address) => FirstAfter(address) is int index && index < _extents.Length && _extents[index].Start <= address;

    /// <summary>Returns the saved parts of a range in address order, adjacent ones as one.</summary>
    public IEnumerable<AddressRange> Ranges(ulong start, ulong end) => Joined(Parts(start, end).Select(part => part.Range));

    /// <summary>
    /// Returns the parts of a range of which the file stores bytes. What it does not store are zeros: a core of 64 GiB can
    /// take few blocks.
    /// </summary>
    public IEnumerable<AddressRange> StoredRanges(ulong start, ulong end) => Joined(
        Parts(start, end).Where(part => !part.Extent.IsZero).SelectMany(part => Stored(part.Extent, part.Range)));

    private IEnumerable<(Extent Extent, AddressRange Range)> Parts(ulong start, ulong end)
    {
        for (int index = FirstAfter(start); index < _extents.Length && _extents[index].Start < end; index++)
        {
            Extent extent = _extents[index];
            yield return (extent, new AddressRange(Math.Max(extent.Start, start), Math.Min(extent.End, end)));
        }
    }

    /// <summary>Returns the parts of an extent that are no holes of the file, rounded to pages.</summary>
    private IEnumerable<AddressRange> Stored(Extent extent, AddressRange range)
    {
        for (ulong at = range.Start; at < range.End;)
        {
            if (!_source.TryFindStored(extent.Offset + (at - extent.Start), out ulong first, out ulong last)
                || first - extent.Offset >= extent.End - extent.Start)
            {
                yield break;
            }

            ulong start = Math.Max(at, MachinePage.Floor(extent.Start + (first - extent.Offset)));
            ulong end = extent.Start + Math.Min(last - extent.Offset, extent.End - extent.Start);
            end = Math.Min(range.End, MachinePage.Ceiling(end) < end ? end : MachinePage.Ceiling(end));
            if (start >= end)
            {
                yield break;
            }

            yield return new AddressRange(start, end);
            at = end;
        }
    }

    private static IEnumerable<AddressRange> Joined(IEnumerable<AddressRange> parts)
    {
        AddressRange open = default;
        foreach (AddressRange part in parts)
        {
            if (open.End == part.Start && open.End > 0)
            {
                open = open with { End = part.End };
                continue;
            }

            if (open.End > 0)
            {
                yield return open;
            }

            open = part;
        }

        if (open.End > 0)
        {
            yield return open;
        }
    }

    /// <summary>Returns the address after another one where saved memory begins; the largest address where none does.</summary>
    public ulong NextSaved(ulong address)
    {
        int index = FirstAfter(address);
        return index < _extents.Length ? Math.Max(_extents[index].Start, address) : ulong.MaxValue;
    }

    /// <summary>Returns the index of the first extent that ends after an address.</summary>
    private int FirstAfter(ulong address)
    {
        int low = 0;
        for (int high = _extents.Length; low < high;)
        {
            int middle = (low + high) / 2;
            (low, high) = _extents[middle].End > address ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    /// <summary>Cuts ranges out of the parts that are zeros.</summary>
    private static IEnumerable<Extent> Without(List<Extent> parts, AddressRange[] gaps)
    {
        Array.Sort(gaps, (left, right) => left.Start.CompareTo(right.Start));
        int first = 0;
        foreach (Extent part in parts.OrderBy(part => part.Start))
        {
            if (!part.IsZero)
            {
                yield return part;
                continue;
            }

            // Parts come in ascending order. Gaps that overlap are malformed; they cut at most too much.
            while (first < gaps.Length && gaps[first].End <= part.Start)
            {
                first++;
            }

            ulong at = part.Start;
            for (int index = first; index < gaps.Length && gaps[index].Start < part.End && at < part.End; index++)
            {
                if (gaps[index].Start > at)
                {
                    yield return part with { Start = at, End = gaps[index].Start };
                }

                at = Math.Max(at, gaps[index].End);
            }

            yield return part with { Start = Math.Min(at, part.End) };
        }
    }

    private static Extent[] WithoutOverlap(IEnumerable<Extent> parts)
    {
        List<Extent> extents = [];
        ulong done = 0;
        foreach (Extent part in parts.OrderBy(part => part.Start))
        {
            ulong start = Math.Max(part.Start, done);
            if (start < part.End)
            {
                extents.Add(part with { Start = start, Offset = part.Offset + (start - part.Start) });
                done = part.End;
            }
        }

        return [.. extents];
    }

    /// <summary>Consecutive bytes that the core holds.</summary>
    private readonly record struct Extent(ulong Start, ulong End, ulong Offset, bool IsZero);
}

namespace MemProc;

/// <summary>A piece of the memory of two targets, in two buffers that stay in the processor's cache.</summary>
/// <param name="options">How differences are returned.</param>
/// <param name="stride">Bytes from one value to the next; 1: runs of bytes.</param>
/// <param name="start">Address of the first value.</param>
internal sealed class ComparisonChunk(ComparisonOptions options, int stride, ulong start)
{
    /// <summary>Bytes of each buffer.</summary>
    public const int BufferBytes = 256 * 1024;

    /// <summary>Parts in one piece.</summary>
    private const int MaxParts = 256;

    private readonly byte[] _before = GC.AllocateUninitializedArray<byte>(BufferBytes, pinned: true);
    private readonly byte[] _after = GC.AllocateUninitializedArray<byte>(BufferBytes, pinned: true);
    private readonly List<(ComparedPart Part, int Offset)> _parts = [];
    private readonly List<(ulong Address, int Offset, int Length)> _windows = [];
    private int _used;

    /// <summary>Free bytes of a buffer.</summary>
    public int Free => BufferBytes - _used;

    /// <summary>Whether nothing more can be added.</summary>
    public bool IsFull => Free == 0 || _parts.Count == MaxParts;

    /// <summary>Whether nothing was added.</summary>
    public bool IsEmpty => _parts.Count == 0;

    /// <summary>Bytes before this address were counted with the piece before.</summary>
    public ulong CountFrom { get; set; }

    /// <summary>The differences, in address order.</summary>
    public List<FoundDifference> Found { get; } = [];

    /// <summary>Empties it.</summary>
    public void Clear()
    {
        _parts.Clear();
        _windows.Clear();
        Found.Clear();
        _used = 0;
        CountFrom = 0;
    }

    /// <summary>Adds memory to read.</summary>
    public void Add(ComparedPart part)
    {
        _parts.Add((part, _used));
        _used += (int)part.Range.SizeBytes;
    }

    /// <summary>Reads both sides. What one of them cannot read is in no window.</summary>
    /// <param name="before">Reads the target before.</param>
    /// <param name="after">Reads the target after.</param>
    /// <param name="tally">Counts what was read, and what could not be.</param>
    public void Read(MapMemoryReader before, MapMemoryReader after, ComparisonTally tally)
    {
        foreach ((ComparedPart part, int offset) in _parts)
        {
            int length = (int)part.Range.SizeBytes;
            IReadOnlyList<MemoryGap> left = Fill(
                _before.AsSpan(offset, length), part.Before, part.Range.Start, () => before.Of(part.Previous));
            IReadOnlyList<MemoryGap> right = Fill(
                _after.AsSpan(offset, length), part.After, part.Range.Start, () => after.Of(part.Current));
            ulong at = part.Range.Start, counted = Math.Max(part.Range.Start, Math.Min(CountFrom, part.Range.End));
            ulong bytes = part.Range.End - counted;
            foreach (ComparisonGap gap in ComparisonGap.Merge(left, right, part.Range.End))
            {
                AddWindow(at, offset + (int)(at - part.Range.Start), gap.Address);
                at = gap.Address + gap.Length;
                if (at > counted)
                {
                    ulong first = Math.Max(gap.Address, counted);
                    bytes -= at - first;
                    tally.AddGap(gap with { Address = first, Length = at - first }, part.Current);
                }
            }

            AddWindow(at, offset + (int)(at - part.Range.Start), part.Range.End);
            tally.AddCompared(bytes, part.Current);
        }
    }

    /// <summary>Finds the differences.</summary>
    /// <returns>Whether there are any.</returns>
    public bool Compare()
    {
        foreach ((ulong address, int offset, int length) in _windows)
        {
            ReadOnlySpan<byte> before = _before.AsSpan(offset, length), after = _after.AsSpan(offset, length);
            if (before.SequenceEqual(after))
            {
                continue;
            }

            if (stride > 1 || options.Layout is not null)
            {
                FindValues(address, before, after);
            }
            else
            {
                FindRuns(address, before, after);
            }
        }

        return Found.Count > 0;
    }

    private static IReadOnlyList<MemoryGap> Fill(
        Span<byte> buffer, MemoryExtentKind kind, ulong address, Func<MemoryReader> reader)
    {
        if (kind == MemoryExtentKind.Zero)
        {
            buffer.Clear();
            return [];
        }

        // This thread is one of the pipeline, which abandons those that wait.
        return reader().ReadHere(address, buffer);
    }

    /// <summary>Adds a range that both sides have, joined with the one before where it continues it.</summary>
    private void AddWindow(ulong address, int offset, ulong end)
    {
        int length = (int)(end - address);
        if (length == 0)
        {
            return;
        }

        if (_windows is [.., var (lastAddress, lastOffset, lastLength)] && lastAddress + (ulong)lastLength == address
            && lastOffset + lastLength == offset)
        {
            _windows[^1] = (lastAddress, lastOffset, lastLength + length);
        }
        else
        {
            _windows.Add((address, offset, length));
        }
    }

    private void FindRuns(ulong address, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        int join = options.JoinBytes;
        for (int at = before.CommonPrefixLength(after); at < before.Length;)
        {
            int end = at + 1, changed = 1;
            for (int next = end; next < before.Length && next - end <= join; next++)
            {
                if (before[next] != after[next])
                {
                    end = next + 1;
                    changed++;
                }
            }

            int kept = Math.Min(end - at, options.RunBytes);
            // Equal bytes around it, where the run can go on in the piece before or after this one.
            int head = at <= join ? at : -1, tail = before.Length - end <= join ? before.Length - end : -1;
            Found.Add(new FoundDifference(address + (ulong)at, (ulong)(end - at), (ulong)changed,
                before.Slice(at, kept).ToArray(), after.Slice(at, kept).ToArray(),
                head < 0 ? null : after[..head].ToArray(), tail < 0 ? null : after[end..].ToArray()));
            at = end + before[end..].CommonPrefixLength(after[end..]);
        }
    }

    private void FindValues(ulong address, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        int size = options.Layout!.DataBytes;
        for (int at = before.CommonPrefixLength(after); at < before.Length;)
        {
            ulong changedAt = address + (ulong)at;
            ulong within = changedAt >= start ? (changedAt - start) % (ulong)stride : 0;
            long first = at - (long)within;
            int next = (int)Math.Min(first + stride, before.Length);
            if (changedAt >= start && first >= 0 && first + size <= before.Length && within < (ulong)size)
            {
                ReadOnlySpan<byte> left = before.Slice((int)first, size), right = after.Slice((int)first, size);
                Found.Add(new FoundDifference(address + (ulong)first, (ulong)size, Count(left, right), left.ToArray(),
                    right.ToArray(), null, null));
            }

            next = Math.Max(next, at + 1);
            at = next >= before.Length ? before.Length : next + before[next..].CommonPrefixLength(after[next..]);
        }
    }

    private static ulong Count(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        ulong count = 0;
        for (int index = 0; index < left.Length; index++)
        {
            count += left[index] == right[index] ? 0UL : 1;
        }

        return count;
    }
}

/// <summary>A difference as it was found.</summary>
/// <param name="Address">First address.</param>
/// <param name="Length">Length in bytes, equal bytes in between included.</param>
/// <param name="ChangedBytes">Bytes that differ.</param>
/// <param name="Previous">The first bytes before.</param>
/// <param name="Current">The first bytes after.</param>
/// <param name="Head">Equal bytes from the beginning of the piece to the run; null where these are many.</param>
/// <param name="Tail">Equal bytes from the run to the end of the piece; null where these are many.</param>
internal sealed record FoundDifference(
    ulong Address, ulong Length, ulong ChangedBytes, byte[] Previous, byte[] Current, byte[]? Head, byte[]? Tail)
{
    /// <summary>First address after it.</summary>
    public ulong End => Address + Length;

    /// <summary>Returns this run and the next one as one run; null where they are apart.</summary>
    public FoundDifference? TryJoin(FoundDifference next, int joinBytes, int runBytes)
    {
        if (Tail is null || next.Head is null || End + (ulong)(Tail.Length + next.Head.Length) != next.Address
            || Tail.Length + next.Head.Length > joinBytes)
        {
            return null;
        }

        byte[] previous = Previous, current = Current;
        if ((ulong)previous.Length == Length && previous.Length < runBytes)
        {
            // All of this run is known, and so are the bytes between: equal on both sides.
            byte[] between = [.. Tail, .. next.Head];
            previous = [.. Previous, .. between, .. next.Previous];
            current = [.. Current, .. between, .. next.Current];
            previous = previous.Length > runBytes ? previous[..runBytes] : previous;
            current = current.Length > runBytes ? current[..runBytes] : current;
        }

        return new FoundDifference(
            Address, next.End - Address, ChangedBytes + next.ChangedBytes, previous, current, Head, next.Tail);
    }
}

namespace MemProc;

/// <summary>Blocks of a scan that one worker reads again.</summary>
/// <param name="blocks">The blocks, in address order.</param>
/// <param name="layout">Size and distance of the numbers.</param>
internal sealed class ScanJob(IReadOnlyList<ScanBlock> blocks, ScanLayout layout)
{
    /// <summary>Maximum address space of one job, in bytes.</summary>
    private const ulong MaxSpan = 1024 * 1024;

    private const int MaxBlocks = 256;

    private static readonly List<ScanBlock> None = [];

    /// <summary>The candidates that stay.</summary>
    public List<ScanBlock> Remaining { get; private set; } = None;

    /// <summary>Candidates that could not be read.</summary>
    public ulong Lost { get; private set; }

    /// <summary>Bytes of memory that the candidates that stay hold, without blocks that stay as they were.</summary>
    public ulong NewBytes { get; private set; }

    /// <summary>Bytes that were read.</summary>
    public ulong ReadBytes { get; private set; }

    /// <summary>Divides blocks among jobs.</summary>
    public static IEnumerable<ScanJob> Divide(IReadOnlyList<ScanBlock> blocks, ScanLayout layout)
    {
        List<ScanBlock> some = [];
        foreach (ScanBlock block in blocks)
        {
            if (some.Count == MaxBlocks || (some.Count > 0 && block.Address - some[0].Address >= MaxSpan))
            {
                yield return new ScanJob(some, layout);
                some = [];
            }

            some.Add(block);
        }

        if (some.Count > 0)
        {
            yield return new ScanJob(some, layout);
        }
    }

    /// <summary>Reads the blocks again and tests their candidates.</summary>
    /// <param name="buffers">Buffers of the worker.</param>
    /// <param name="test">Which candidates stay.</param>
    /// <returns>Number of candidates that could not be read.</returns>
    public ulong Run(ScanBuffers buffers, ScanTest test)
    {
        List<ScanBlock> remaining = [];
        foreach (ScanBlock block in blocks)
        {
            Narrow(block, buffers, test, remaining);
        }

        Remaining = remaining;
        NewBytes = (ulong)remaining.Except(blocks).Sum(block => block.HeldBytes);
        return Lost;
    }

    private void Narrow(ScanBlock block, ScanBuffers buffers, ScanTest test, List<ScanBlock> remaining)
    {
        ulong address = block.Address + layout.OffsetOf(block.FirstSlot);
        int slots = block.LastSlot - block.FirstSlot + 1;
        ReadOnlySpan<byte> now = buffers.Read(address, layout.Length(slots), out IReadOnlyList<MemoryGap> gaps);
        ReadBytes += (ulong)now.Length;
        if (gaps.Count == 0 && test.MatchesUnchanged is bool matchesUnchanged && block.IsSame(now))
        {
            if (matchesUnchanged)
            {
                remaining.Add(block);
            }

            return;
        }

        Span<ulong> bits = buffers.Bits(slots);
        test.Mark(block, now, layout, bits);
        if (gaps.Count > 0)
        {
            Lost += DropUnread(block, address, gaps, bits);
        }

        ScanBlock.AddSome(remaining, layout, address, now, slots, bits);
    }

    /// <summary>Clears the bits of numbers that were not read in full. Returns how many candidates those are.</summary>
    private ulong DropUnread(ScanBlock block, ulong address, IReadOnlyList<MemoryGap> gaps, Span<ulong> bits)
    {
        ulong lost = 0;
        int gap = 0;
        ScanBlock.Candidates candidates = block.GetCandidates();
        while (candidates.MoveNext())
        {
            int slot = candidates.Slot - block.FirstSlot;
            ulong start = address + layout.OffsetOf(slot), end = start + (ulong)layout.Size;
            // Both are in address order: together they are passed once.
            while (gap < gaps.Count && gaps[gap].End <= start)
            {
                gap++;
            }

            if (gap < gaps.Count && gaps[gap].Address < end)
            {
                bits[slot / 64] &= ~(1UL << (slot % 64));
                lost++;
            }
        }

        return lost;
    }
}

/// <summary>The buffers of one worker.</summary>
/// <param name="reader">Reads memory into them.</param>
internal sealed class ScanBuffers(MemoryReader reader)
{
    private byte[] _bytes = [];
    private ulong[] _bits = [];

    /// <summary>Reads memory. The result is valid until the next call.</summary>
    public ReadOnlySpan<byte> Read(ulong address, int length, out IReadOnlyList<MemoryGap> gaps)
    {
        if (_bytes.Length < length)
        {
            _bytes = GC.AllocateUninitializedArray<byte>(length);
        }

        Span<byte> bytes = _bytes.AsSpan(0, length);
        gaps = reader.ReadHere(address, bytes);
        return bytes;
    }

    /// <summary>Returns a bitmap in which no bit is set.</summary>
    public Span<ulong> Bits(int count)
    {
        int words = (count + 63) / 64;
        if (_bits.Length < words)
        {
            _bits = new ulong[words];
        }

        Span<ulong> bits = _bits.AsSpan(0, words);
        bits.Clear();
        return bits;
    }
}

namespace MemProc;

/// <summary>Reads what the kernel says about given frames, close ones together.</summary>
/// <param name="map">The machine's frames.</param>
internal sealed class FrameSampler(FrameMap map)
{
    /// <summary>Reading this many other struct pages is cheaper than another entry of a batch.</summary>
    private const ulong MaxGapFrames = 16;

    /// <summary>Fewer frames than this are not worth a read of their own: they are part of a batch.</summary>
    private const int MinCloseFrames = 8;

    /// <summary>Frames of one batch of frames that are far from each other.</summary>
    private const int Batch = 256;

    private readonly FrameChunk _chunk = map.NewChunk();
    private readonly List<int> _apart = [];
    private readonly byte[] _pairs = new byte[Batch * 2 * map.Decoder.SizeBytes];

    /// <summary>Reads frames.</summary>
    /// <param name="sorted">Frame numbers in ascending order; they may repeat.</param>
    /// <param name="samples">Receives a result for each.</param>
    public void Read(ReadOnlySpan<ulong> sorted, Span<FrameSample> samples)
    {
        _apart.Clear();
        for (int first = 0; first < sorted.Length;)
        {
            int end = first + 1;
            while (end < sorted.Length && sorted[end] - sorted[end - 1] <= MaxGapFrames
                && sorted[end] - sorted[first] < FrameChunk.Frames)
            {
                end++;
            }

            if (end - first >= MinCloseFrames)
            {
                ReadClose(sorted[first..end], samples[first..end]);
            }
            else
            {
                for (int index = first; index < end; index++)
                {
                    _apart.Add(index);
                }
            }

            first = end;
        }

        for (int done = 0; done < _apart.Count; done += Batch)
        {
            ReadApart(sorted, samples, done, Math.Min(Batch, _apart.Count - done));
        }
    }

    private void ReadClose(ReadOnlySpan<ulong> pfns, Span<FrameSample> samples)
    {
        map.Read(_chunk, pfns[0], (int)(pfns[^1] - pfns[0]) + 1);
        ReadOnlySpan<FrameRun> runs = _chunk.RunSpan;
        int run = 0;
        for (int index = 0; index < pfns.Length; index++)
        {
            ulong pfn = pfns[index];
            while (run < runs.Length && runs[run].Pfn + (ulong)runs[run].Count <= pfn)
            {
                run++;
            }

            samples[index] = run < runs.Length && runs[run].Pfn <= pfn
                ? new FrameSample(runs[run].HeadPfn, map.Decoder.OwnMapCount(_chunk.StructPage(pfn)), runs[run].State)
                : default;
        }
    }

    private void ReadApart(ReadOnlySpan<ulong> pfns, Span<FrameSample> samples, int done, int count)
    {
        int size = map.Decoder.SizeBytes;
        Span<ulong> addresses = stackalloc ulong[Batch];
        Span<bool> isRead = stackalloc bool[Batch];
        for (int index = 0; index < count; index++)
        {
            addresses[index] = map.Decoder.Vmemmap.AddressOf(pfns[_apart[done + index]]);
        }

        map.Reader.ReadEach(addresses[..count], 2 * size, _pairs, isRead);
        for (int index = 0; index < count; index++)
        {
            int place = _apart[done + index];
            ulong pfn = pfns[place];
            ReadOnlySpan<byte> own = _pairs.AsSpan(index * 2 * size, size), next = _pairs.AsSpan((index * 2 + 1) * size, size);
            if (isRead[index] && !map.Decoder.IsTailOf(pfn, own, next, out _)
                && map.Decoder.Decode(pfn, own, next) is { IsUnreferenced: false, MayBeZero: false } state)
            {
                samples[place] = new FrameSample(pfn, map.Decoder.OwnMapCount(own), state);
            }
            else
            {
                // It takes more than its own struct page.
                ReadClose(pfns.Slice(place, 1), samples.Slice(place, 1));
            }
        }
    }
}

/// <summary>What the kernel says about one frame.</summary>
/// <param name="HeadPfn">The head of its folio or free block.</param>
/// <param name="OwnMapCount">Mappings of the frame by itself.</param>
/// <param name="State">What the head says; the order is 0 and the kind Unknown where there is no struct page.</param>
internal readonly record struct FrameSample(ulong HeadPfn, int OwnMapCount, FrameState State)
{
    /// <summary>The machine has a struct page for the frame.</summary>
    public bool Exists => State != default;

    /// <summary>Whether two reads of a frame agree on what it is and whom it belongs to.</summary>
    public bool IsSameUse(in FrameSample other) => HeadPfn == other.HeadPfn && State.IsSameUse(other.State);
}

using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>Consecutive struct pages that were read together, and the runs of frames that they describe.</summary>
/// <param name="reader">The kernel's memory.</param>
/// <param name="decoder">Decodes struct pages.</param>
/// <param name="isPartial">
/// Whether some of these frames may have a readable struct page although others near them have none.
/// </param>
internal sealed class FrameChunk(KernelReader reader, FrameDecoder decoder, Func<ulong, int, bool> isPartial)
{
    /// <summary>Frames of a chunk: the struct pages are 1 MiB where a frame has 4 KiB.</summary>
    public const int Frames = 16 * 1024;

    /// <summary>
    /// The smallest number of frames whose struct pages exist or do not: 2 MiB of memory (PAGES_PER_SUBSECTION).
    /// </summary>
    private static readonly int MinFrames = (int)Math.Max((2UL << 20) / MachinePage.SizeBytes, 1);

    private readonly byte[] _bytes = new byte[Frames * decoder.SizeBytes];
    private readonly byte[] _next = new byte[decoder.SizeBytes];
    private readonly List<FrameRun> _runs = [];
    private readonly List<int> _unreferenced = [];

    /// <summary>The first frame.</summary>
    public ulong First { get; private set; }

    /// <summary>Number of frames that were asked for.</summary>
    public int Count { get; private set; }

    /// <summary>The runs in ascending order. Frames without a struct page are in none.</summary>
    public IReadOnlyList<FrameRun> Runs => _runs;

    /// <summary>The runs, without the cost of an interface.</summary>
    public Span<FrameRun> RunSpan => CollectionsMarshal.AsSpan(_runs);

    /// <summary>Returns the struct page of a frame of a run.</summary>
    public ReadOnlySpan<byte> StructPage(ulong pfn) =>
        _bytes.AsSpan((int)(pfn - First) * decoder.SizeBytes, decoder.SizeBytes);

    /// <summary>Reads struct pages.</summary>
    /// <param name="first">The first frame.</param>
    /// <param name="count">Number of frames, at most <see cref="Frames"/>.</param>
    public void Read(ulong first, int count)
    {
        First = first;
        Count = count;
        _runs.Clear();
        _unreferenced.Clear();
        ReadPart(first, count);
        ResolveUnreferenced();
    }

    /// <summary>Reads struct pages; where some of them do not exist, each half by itself.</summary>
    private void ReadPart(ulong first, int count)
    {
        Span<byte> bytes = _bytes.AsSpan((int)(first - First) * decoder.SizeBytes, count * decoder.SizeBytes);
        if (reader.TryRead(decoder.Vmemmap.AddressOf(first), bytes) == Errno.None)
        {
            Decode(first, bytes, count);
        }
        else if (count > MinFrames)
        {
            // Parts end where struct pages can begin or end.
            ulong middle = (first + (ulong)count / 2) / (ulong)MinFrames * (ulong)MinFrames;
            middle = middle <= first ? first + (ulong)count / 2 : middle;
            ReadPart(first, (int)(middle - first));
            ReadPart(middle, count - (int)(middle - first));
        }
        else if (first / (ulong)MinFrames != (first + (ulong)count - 1) / (ulong)MinFrames)
        {
            ulong middle = (first / (ulong)MinFrames + 1) * (ulong)MinFrames;
            ReadPart(first, (int)(middle - first));
            ReadPart(middle, count - (int)(middle - first));
        }
        else if (count > 1 && isPartial(first, count))
        {
            ReadPart(first, count / 2);
            ReadPart(first + (ulong)count / 2, count - count / 2);
        }
    }

    private void Decode(ulong first, ReadOnlySpan<byte> bytes, int count)
    {
        int size = decoder.SizeBytes;
        for (int index = 0; index < count;)
        {
            ulong pfn = first + (ulong)index;
            ReadOnlySpan<byte> own = bytes.Slice(index * size, size);
            ReadOnlySpan<byte> next = index + 1 < count ? bytes.Slice((index + 1) * size, size) : default;
            FrameRun run = decoder.IsTailOf(pfn, own, next, out ulong headPfn)
                ? TailRun(pfn, headPfn, count - index)
                : HeadRun(pfn, own, next, count - index);
            if (run.State.IsUnreferenced)
            {
                _unreferenced.Add(_runs.Count);
            }

            _runs.Add(run);
            index += run.Count;
        }
    }

    private FrameRun HeadRun(ulong pfn, ReadOnlySpan<byte> own, ReadOnlySpan<byte> next, int rest)
    {
        if (next.IsEmpty && decoder.IsFolio(own) && reader.TryRead(decoder.Vmemmap.AddressOf(pfn + 1), _next) == Errno.None)
        {
            // A folio whose head is the last frame of the chunk.
            next = _next;
        }

        FrameState state = decoder.Decode(pfn, own, next);
        return new FrameRun(pfn, Math.Min(rest, FramesOf(pfn, state)), pfn, state);
    }

    /// <summary>Returns the run of a tail, whose head is in another chunk, or was not a head when it was read.</summary>
    private FrameRun TailRun(ulong pfn, ulong headPfn, int rest)
    {
        int size = decoder.SizeBytes;
        Span<byte> pair = stackalloc byte[2 * size];
        if (reader.TryRead(decoder.Vmemmap.AddressOf(headPfn), pair) == Errno.None
            && !decoder.IsTailOf(headPfn, pair[..size], pair[size..], out _))
        {
            FrameState state = decoder.Decode(headPfn, pair[..size], pair[size..]);
            long left = (long)headPfn + FramesOf(headPfn, state) - (long)pfn;
            if (left > 0 && state.Kind != PageFrameKind.Free)
            {
                return new FrameRun(pfn, (int)Math.Min(rest, left), headPfn, state);
            }
        }

        // The folio was split or freed meanwhile.
        return new FrameRun(pfn, 1, pfn, new FrameState { Order = FrameState.UnknownOrder });
    }

    /// <summary>Returns the number of frames of a folio or free block; 1 where that cannot be.</summary>
    private static int FramesOf(ulong pfn, in FrameState state)
    {
        int frames = state.Order > 0 ? 1 << state.Order : 1;
        return (pfn & (ulong)(frames - 1)) == 0 ? frames : 1;
    }

    /// <summary>
    /// Finds which frames without references are free: those in the middle of a free block that begins before the chunk,
    /// and those in the list of a processor, where the next entry refers back to the frame.
    /// </summary>
    private void ResolveUnreferenced()
    {
        const int Batch = 1024;
        Span<ulong> addresses = stackalloc ulong[Batch];
        Span<ulong> back = stackalloc ulong[Batch];
        Span<bool> isRead = stackalloc bool[Batch];
        Span<FrameRun> runs = CollectionsMarshal.AsSpan(_runs);
        for (int done = 0; done < _unreferenced.Count;)
        {
            int count = Math.Min(Batch, _unreferenced.Count - done);
            for (int index = 0; index < count; index++)
            {
                // list_head: next, prev.
                addresses[index] = runs[_unreferenced[done + index]].State.NextInList + sizeof(ulong);
            }

            reader.ReadEach(addresses[..count], sizeof(ulong), MemoryMarshal.AsBytes(back[..count]), isRead);
            for (int index = 0; index < count; index++)
            {
                ref FrameRun run = ref runs[_unreferenced[done + index]];
                if (isRead[index] && back[index] == decoder.ListAddressOf(run.Pfn))
                {
                    run = run with { State = FreeState(run.State, 0) };
                }
            }

            done += count;
        }

        int at = 0;
        while (at < runs.Length && runs[at].Pfn == First + (ulong)at && runs[at].State is { IsUnreferenced: true })
        {
            at++;
        }

        if (at > 0 && FindBlock(First, out sbyte order, out ulong head))
        {
            // The rest of a block that begins before the chunk.
            ulong end = head + (1UL << order);
            for (int index = 0; index < at && runs[index].Pfn < end; index++)
            {
                runs[index] = runs[index] with { HeadPfn = head, State = FreeState(runs[index].State, order) };
            }
        }
    }

    private static FrameState FreeState(in FrameState state, sbyte order) =>
        new() { Kind = PageFrameKind.Free, Flags = state.Flags, Order = order };

    /// <summary>Finds the free block before a frame that contains it. Blocks are aligned to their size.</summary>
    private bool FindBlock(ulong pfn, out sbyte order, out ulong head)
    {
        Span<byte> bytes = stackalloc byte[decoder.SizeBytes];
        for (order = 1; order <= FrameDecoder.MaxBlockOrder; order++)
        {
            head = pfn & ~((1UL << order) - 1);
            if (head != pfn && reader.TryRead(decoder.Vmemmap.AddressOf(head), bytes) == Errno.None
                && decoder.Decode(head, bytes, default) is { Kind: PageFrameKind.Free } block
                && block.Order >= order && pfn - head < 1UL << block.Order)
            {
                order = block.Order;
                return true;
            }
        }

        head = 0;
        return false;
    }
}

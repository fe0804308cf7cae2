using MemProc.Interop;

namespace MemProc;

/// <summary>The machine's frames as the kernel describes them: what is needed to decode struct pages, found once.</summary>
internal sealed class FrameMap : IDisposable
{
    private readonly KernelReader _reader;
    private readonly Lazy<FrameTables?> _tables;
    private readonly Lazy<AddressRange[]> _ram;

    private FrameMap(KernelReader reader, FrameDecoder decoder)
    {
        _reader = reader;
        Decoder = decoder;
        _tables = new Lazy<FrameTables?>(() => OpenTables(reader.Files));
        _ram = new Lazy<AddressRange[]>(() => [.. PhysicalMap.Read(reader.Files).SystemRam]);
    }

    /// <summary>Decodes struct pages.</summary>
    public FrameDecoder Decoder { get; }

    /// <summary>The kernel's memory.</summary>
    public KernelReader Reader => _reader;

    /// <summary>kpageflags; null if this user may not read it, or the kernel does not have it.</summary>
    public FrameTables? Tables => _tables.Value;

    /// <summary>The first number after the machine's frames, memory of devices included.</summary>
    public ulong End
    {
        get
        {
            ulong end = Tables?.End ?? 0;
            if (end == 0)
            {
                end = _ram.Value.Select(range => range.End / MachinePage.SizeBytes).DefaultIfEmpty().Max();
            }

            return end;
        }
    }

    /// <summary>Finds where struct pages are and how they are to be decoded.</summary>
    /// <param name="reader">The kernel's memory.</param>
    /// <exception cref="MemProcException">
    /// ReadKernelMemory: EPERM if a capability is missing, EOPNOTSUPP if this kernel does not allow it or does not keep struct
    /// pages in one array; ReadBtf: the kernel does not describe its structures.
    /// </exception>
    public static FrameMap Create(KernelReader reader)
    {
        KernelVmemmap vmemmap = reader.Vmemmap;
        using LinuxProcess self = LinuxProcess.OpenSelf(reader.Files);
        using OwnPage page = new();
        using OwnZeroPage zero = new();
        ulong pfn = KernelPageTables.FrameOf(self, page.Address);
        ulong flags = reader.ReadUInt64(vmemmap.AddressOf(pfn), reader.Layout.Frames.Page.Flags);
        FrameZones zones = FrameZones.Create(reader.Layout.Frames, reader.Files, flags, pfn);
        return new FrameMap(reader, new FrameDecoder(
            reader.Layout.Frames, vmemmap, zones, KernelPageTables.FrameOf(self, zero.Address)));
    }

    /// <summary>Creates a map over numbers that are known.</summary>
    internal static FrameMap Create(KernelReader reader, FrameDecoder decoder) => new(reader, decoder);

    /// <summary>Creates a chunk to read frames into.</summary>
    public FrameChunk NewChunk() => new(_reader, Decoder, IsPartial);

    /// <summary>
    /// Reads a range of frames chunk by chunk. The next chunk overwrites the last one. Ranges without struct pages are left
    /// out.
    /// </summary>
    /// <param name="range">The frames.</param>
    /// <param name="cancellation">Stops the read.</param>
    public IEnumerable<FrameChunk> Chunks(PfnRange range, CancellationToken cancellation)
    {
        FrameChunk chunk = NewChunk();
        ulong end = range.End;
        for (ulong first = range.First; first < end;)
        {
            cancellation.ThrowIfCancellationRequested();
            // Chunks are aligned, so that no free block and no folio but the largest crosses their bounds.
            int count = (int)Math.Min(end - first, FrameChunk.Frames - first % FrameChunk.Frames);
            Read(chunk, first, count);
            if (chunk.Runs.Count > 0)
            {
                yield return chunk;
            }

            first += (ulong)count;
        }
    }

    /// <summary>Reads struct pages.</summary>
    /// <param name="chunk">Receives them.</param>
    /// <param name="first">The first frame.</param>
    /// <param name="count">Number of frames, at most <see cref="FrameChunk.Frames"/>.</param>
    public void Read(FrameChunk chunk, ulong first, int count)
    {
        chunk.Read(first, count);
        ResolveZero(chunk);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_tables.IsValueCreated)
        {
            _tables.Value?.Dispose();
        }
    }

    /// <summary>kcore has the struct pages of RAM alone, to the frame; in memory they come in larger parts.</summary>
    private bool IsPartial(ulong first, int count) => _reader.Source == KernelReadSource.Kcore
        && Array.Exists(_ram.Value, range => range.Start < (first + (ulong)count) * MachinePage.SizeBytes
            && range.End > first * MachinePage.SizeBytes);

    /// <summary>Recognizes the huge page of zeros, which nothing in its struct page tells.</summary>
    private void ResolveZero(FrameChunk chunk)
    {
        Span<FrameRun> runs = chunk.RunSpan;
        for (int index = 0; index < runs.Length; index++)
        {
            ref FrameRun run = ref runs[index];
            if (run.State.MayBeZero && IsZero(run.HeadPfn))
            {
                run = run with { State = run.State with { Kind = PageFrameKind.Zero } };
            }
        }
    }

    private bool IsZero(ulong pfn)
    {
        Span<ulong> word = stackalloc ulong[1];
        return Tables?.ReadFlags(pfn, word) == 1 && new KernelPageFlagSet(word[0]).IsZeroPage;
    }

    private static FrameTables? OpenTables(KernelFiles files)
    {
        try
        {
            return new FrameTables(FrameAttributes.Flags, files);
        }
        catch (MemProcException)
        {
            return null;
        }
    }
}

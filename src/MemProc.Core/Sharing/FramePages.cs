using System.Runtime.CompilerServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// The present pages of one process with their frames, in chunks that are released as they are merged into an index.
/// </summary>
internal sealed class FramePages
{
    /// <summary>Pages after which the rest of a process is read on all processors: those of 256 MiB.</summary>
    private const int LargePages = 64 * 1024;

    /// <summary>Bytes of a mapping that a worker reads at a time.</summary>
    private const ulong PartBytes = 64UL << 20;

    /// <summary>Maximum number of parts of one mapping.</summary>
    private const ulong MaxParts = 1024;

    private ulong _rest;
    private Chunk? _last;

    private FramePages(int order, ProcessIdentity identity)
    {
        Order = order;
        Identity = identity;
    }

    /// <summary>The place of the process in the list of processes.</summary>
    public int Order { get; }

    /// <summary>The process.</summary>
    public ProcessIdentity Identity { get; }

    /// <summary>Whether all pages were read; else <see cref="ReadRest"/> has to be called.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>The pages, in address order.</summary>
    public Queue<Chunk> Chunks { get; } = new();

    /// <summary>The largest frame number.</summary>
    public ulong MaxPfn { get; private set; }

    /// <summary>Reads the pages of a process, of a large one those at its beginning.</summary>
    /// <param name="order">The place of the process in the list of processes.</param>
    /// <param name="processId">The process.</param>
    /// <param name="files">Where procfs is.</param>
    /// <param name="only">The frames that count; null: all.</param>
    /// <param name="cancellation">Stops the read.</param>
    /// <exception cref="MemProcException">OpenProcess, ReadMaps, ReadPageMap failed.</exception>
    public static FramePages Read(
        int order, int processId, KernelFiles files, SharedFrames? only, CancellationToken cancellation)
    {
        using LinuxProcess process = LinuxProcess.Open(processId, files: files);
        FramePages list = new(order, process.Identity);
        int read = 0;
        foreach ((_, PageMapRange pages) in new PopulatedPages(process, cancellation)
        {
            OnlyFiles = only?.AreFiles == true,
        }.In(AddressRange.All))
        {
            list.Add(pages, only);
            read += pages.Entries.Length;
            if (read >= LargePages)
            {
                list._rest = pages.Address + (ulong)pages.Entries.Length * MachinePage.SizeBytes;
                return list;
            }
        }

        list._last?.Trim();
        list.IsComplete = true;
        return list;
    }

    /// <summary>Reads the other pages of a large process, on all processors.</summary>
    /// <inheritdoc cref="Read" path="/param"/>
    /// <inheritdoc cref="Read" path="/exception"/>
    public void ReadRest(KernelFiles files, SharedFrames? only, CancellationToken cancellation)
    {
        // Not kept open meanwhile: there can be thousands.
        using LinuxProcess process = LinuxProcess.Open(Identity.ProcessId, Identity.StartTicks, files);
        _last?.Trim();
        AddressRange range = AddressRange.All with { Start = _rest };
        int count = 0;
        ParallelForEach<(int Number, ProcMap Map, AddressRange Part), Worker> parts = new(
            PopulatedPages.Parts(new PopulatedPages(process, cancellation).Maps(range), range, PartBytes, MaxParts)
                .Select(part => (count++, part.Map, part.Part)),
            stop => new Worker(
                new PopulatedPages(process, stop) { OnlyFiles = only?.AreFiles == true }, only?.Copy()), cancellation);
        List<(int Number, FramePages Pages)> read = [];
        parts.Run(
            (part, worker) =>
            {
                FramePages pages = new(part.Number, Identity);
                foreach (PageMapRange range in worker.Walk.Of(part.Map, part.Part))
                {
                    pages.Add(range, worker.Only);
                }

                pages._last?.Trim();
                if (pages.Chunks.Count > 0)
                {
                    worker.Read.Add((part.Number, pages));
                }
            },
            worker => read.AddRange(worker.Read));
        process.ThrowIfExited(Operation.ReadPageMap);
        read.Sort((one, other) => one.Number.CompareTo(other.Number));
        foreach ((_, FramePages pages) in read)
        {
            MaxPfn = Math.Max(MaxPfn, pages.MaxPfn);
            while (pages.Chunks.TryDequeue(out Chunk? chunk))
            {
                Chunks.Enqueue(chunk);
            }
        }

        IsComplete = true;
    }

    /// <summary>Adds the number of pages of each bucket of frames.</summary>
    public void Count(int[] sizes)
    {
        foreach (Chunk chunk in Chunks)
        {
            chunk.CountTo(sizes);
        }
    }

    private void Add(PageMapRange pages, SharedFrames? only)
    {
        ReadOnlySpan<ulong> entries = pages.Entries.Span;
        ulong firstPage = pages.Address / MachinePage.SizeBytes;
        for (int index = 0; index < entries.Length;)
        {
            if (_last is null || _last.IsFull || firstPage + (ulong)index - _last.FirstPage >> PfnIndex.PageBits != 0)
            {
                // A chunk begins at a page that counts.
                while (index < entries.Length && !Counts(entries[index], only))
                {
                    index++;
                }

                if (index == entries.Length)
                {
                    return;
                }

                _last?.Trim();
                _last = new Chunk(firstPage + (ulong)index);
                Chunks.Enqueue(_last);
            }

            MaxPfn = Math.Max(MaxPfn, _last.Add(entries, firstPage, ref index, only));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Counts(ulong entry, SharedFrames? only)
    {
        ulong pfn = new RawPageMapEntry(entry).Pfn;
        return pfn != 0 && (only is null || only.Contains(pfn));
    }

    /// <summary>The walk and results of one worker.</summary>
    private sealed record Worker(PopulatedPages Walk, SharedFrames? Only)
    {
        public List<(int Number, FramePages Pages)> Read { get; } = [];
    }

    /// <summary>Pages that are close enough to be counted from the first one.</summary>
    /// <param name="firstPage">The number of the first page: its address divided by the page size.</param>
    internal sealed class Chunk(ulong firstPage)
    {
        private const int MaxPages = 32 * 1024;
        private const int MinPages = 256;

        /// <summary>The frame above the number of the page. A frame number has 40 bits: physical addresses end at 2^52.</summary>
        private ulong[] _pages = new ulong[MinPages];
        private int _count;

        /// <summary>The number of the first page.</summary>
        public ulong FirstPage { get; } = firstPage;

        /// <summary>Whether it has room for no more pages.</summary>
        public bool IsFull => _count == MaxPages;

        /// <summary>Adds pages up to the end, or as far as there is room. Returns the largest frame number.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public ulong Add(ReadOnlySpan<ulong> entries, ulong firstPage, ref int index, SharedFrames? only)
        {
            ulong max = 0;
            for (; index < entries.Length && _count < MaxPages; index++)
            {
                ulong page = firstPage + (ulong)index - FirstPage;
                if (page >> PfnIndex.PageBits != 0)
                {
                    break;
                }

                if (Counts(entries[index], only))
                {
                    if (_count == _pages.Length)
                    {
                        Array.Resize(ref _pages, Math.Min(_count * 8, MaxPages));
                    }

                    ulong pfn = new RawPageMapEntry(entries[index]).Pfn;
                    max = Math.Max(max, pfn);
                    _pages[_count++] = pfn << PfnIndex.PageBits | page;
                }
            }

            return max;
        }

        /// <summary>Releases the memory that is not used.</summary>
        public void Trim() => Array.Resize(ref _pages, _count);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void CountTo(int[] sizes)
        {
            for (int index = 0; index < _count; index++)
            {
                sizes[_pages[index] >> (PfnIndex.PageBits + PfnIndex.FrameBits)]++;
            }
        }

        /// <summary>Adds the pages to the buckets of their frames.</summary>
        /// <param name="buckets">The buckets.</param>
        /// <param name="filled">Number of entries of each.</param>
        /// <param name="place">The place of the first page.</param>
        /// <param name="placeBits">Bits of a place.</param>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void MoveTo(ulong[]?[] buckets, int[] filled, ulong place, int placeBits)
        {
            for (int index = 0; index < _count; index++)
            {
                ulong page = _pages[index];
                ulong bucket = page >> (PfnIndex.PageBits + PfnIndex.FrameBits);
                buckets[bucket]![filled[bucket]++] =
                    page >> PfnIndex.PageBits << placeBits | place | (page & ((1UL << PfnIndex.PageBits) - 1));
            }
        }
    }
}

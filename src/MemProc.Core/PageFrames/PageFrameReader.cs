using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Reads what the kernel records about page frames: their use, and the file, slab cache or cgroup that they belong to. The
/// machine runs meanwhile: each frame is read again after its owner was looked up, and where it changed the look-up is
/// repeated.
/// </summary>
/// <param name="source">How to read the kernel's memory. It is opened at the first use.</param>
/// <param name="files">Where the kernel's file systems are mounted; null for the usual places.</param>
/// <param name="cancellation">Stops reads of ranges.</param>
public sealed class PageFrameReader(
    KernelReadSource source = KernelReadSource.Auto, KernelFiles? files = null, CancellationToken cancellation = default)
    : IDisposable
{
    /// <summary>Maximum number of frames in one call of <see cref="Read"/>.</summary>
    public const int BatchFrames = 4096;

    private const int MaxAttempts = 8;

    private readonly KernelReader _reader = new(source, files);
    private Opened? _opened;

    /// <inheritdoc cref="PageTableReader.Source"/>
    public KernelReadSource Source => _reader.Source;

    /// <summary>The number after that of the machine's last frame.</summary>
    /// <exception cref="MemProcException">As <see cref="Prepare"/>.</exception>
    public ulong End => Frames.Map.End;

    private Opened Frames => _opened ??= new Opened(_reader);

    /// <summary>Prepares reads, so that errors that concern all of them appear here.</summary>
    /// <exception cref="MemProcException">
    /// ReadKernelMemory: EPERM if a capability is missing, EOPNOTSUPP if this kernel does not allow it; the message has the
    /// reason. ReadBtf: the kernel does not describe its structures.
    /// </exception>
    public void Prepare() => _ = Frames;

    /// <summary>Reads frames in any order.</summary>
    /// <param name="pfns">Frame numbers, at most <see cref="BatchFrames"/>.</param>
    /// <param name="filter">Selects frames; null: all.</param>
    /// <returns>
    /// A result for each, in the given order; null where the machine has no such frame, or it is not selected.
    /// </returns>
    /// <exception cref="MemProcException">As <see cref="Prepare"/>.</exception>
    public PageFrame?[] Read(ReadOnlySpan<ulong> pfns, PageFrameFilter? filter = null)
    {
        ulong[] sorted = pfns.ToArray();
        int[] order = [.. Enumerable.Range(0, sorted.Length)];
        Array.Sort(sorted, order);
        PageFrame?[] frames = new PageFrame?[sorted.Length];
        ReadSorted(sorted, filter, (index, frame) => frames[order[index]] = frame);
        return frames;
    }

    /// <summary>Reads the frames of a range that the machine has, in ascending order.</summary>
    /// <param name="range">The frames.</param>
    /// <param name="filter">Selects frames; null: all.</param>
    /// <exception cref="MemProcException">As <see cref="Prepare"/>.</exception>
    public IEnumerable<PageFrame> ReadRange(PfnRange range, PageFrameFilter? filter = null)
    {
        ulong end = Math.Min(range.End, End);
        List<PageFrame> found = [];
        ulong[] pfns = new ulong[BatchFrames];
        for (ulong first = range.First; first < end;)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = (int)Math.Min(BatchFrames, end - first);
            for (int index = 0; index < count; index++)
            {
                pfns[index] = first + (ulong)index;
            }

            found.Clear();
            ReadSorted(pfns.AsSpan(0, count), filter, (_, frame) => found.Add(frame));
            foreach (PageFrame frame in found)
            {
                yield return frame;
            }

            first += (ulong)count;
        }
    }

    /// <summary>Reads the frames of the pages of a process that are in memory, by address.</summary>
    /// <param name="process">The process.</param>
    /// <param name="range">The addresses; their whole pages count.</param>
    /// <param name="filter">Selects frames; null: all.</param>
    /// <exception cref="MemProcException">
    /// As <see cref="Prepare"/>. ReadMaps, ReadPageMap: the process cannot be read; ESRCH if it exits.
    /// </exception>
    public IEnumerable<PageFrame> ReadProcess(LinuxProcess process, AddressRange range, PageFrameFilter? filter = null) =>
        PresentIn(process, range, filter, () => { });

    /// <summary>Reads the frames of the pages from an address on.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The first address.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <param name="filter">Selects frames; null: all.</param>
    /// <exception cref="MemProcException">
    /// As <see cref="ReadProcess"/>. ReadPageFrame, ENODATA: no page of the range is in memory.
    /// </exception>
    public IEnumerable<PageFrame> ReadAddress(
        LinuxProcess process, ulong address, ulong length, PageFrameFilter? filter = null)
    {
        AddressRange range = new(address, UserRange.End(address, length, Operation.ReadPageFrame));
        bool isPresent = false;
        foreach (PageFrame frame in PresentIn(process, range, filter, () => isPresent = true))
        {
            yield return frame;
        }

        if (!isPresent)
        {
            throw process.Failure(Operation.ReadPageFrame, Errno.ENODATA,
                $"no page is in memory at 0x{address:x}: it was never touched, is in swap, or nothing is mapped there", address);
        }
    }

    /// <summary>Creates the error for a frame that the machine does not have.</summary>
    public static MemProcException OutOfRange(ulong pfn) => new(Operation.ReadPageFrame, Errno.EINVAL,
        $"The kernel has no frame 0x{pfn:x}. {PfnRange.Advice}", pfn);

    /// <inheritdoc/>
    public void Dispose()
    {
        _opened?.Map.Dispose();
        _reader.Dispose();
    }

    private IEnumerable<PageFrame> PresentIn(
        LinuxProcess process, AddressRange range, PageFrameFilter? filter, Action found)
    {
        PresentFrames present = new(process, Operation.ReadPageFrame, cancellation);
        foreach (ReadOnlyMemory<ulong> pfns in present.In(MapReader.Between(process, range.Start, range.End, cancellation), range))
        {
            found();
            foreach (PageFrame? frame in Read(pfns.Span, filter))
            {
                if (frame is not null)
                {
                    yield return frame;
                }
            }
        }
    }

    private void ReadSorted(ReadOnlySpan<ulong> sorted, PageFrameFilter? filter, Action<int, PageFrame> found)
    {
        Opened frames = Frames;
        FrameSample[] samples = new FrameSample[sorted.Length];
        FrameOwner[] owners = new FrameOwner[sorted.Length];
        frames.Sampler.Read(sorted, samples);
        frames.Owners.Forget();
        int[] waiting = [.. Enumerable.Range(0, sorted.Length).Where(index => samples[index].Exists
            && filter?.MayMatch(samples[index].State) != false)];
        int[] selected = waiting;
        for (int attempt = 0; waiting.Length > 0; attempt++)
        {
            frames.Owners.Refresh(waiting.Select(index => samples[index].State));
            foreach (int index in waiting)
            {
                owners[index] = frames.Owners.Of(samples[index].State, FrameOwnerKinds.All);
            }

            waiting = Changed(sorted, samples, waiting);
            if (attempt == MaxAttempts)
            {
                // What belongs to whom could not be determined. What the frames are is what they were at last.
                foreach (int index in waiting)
                {
                    owners[index] = default;
                }

                break;
            }
        }

        ulong[] pfns = new ulong[selected.Length];
        for (int index = 0; index < selected.Length; index++)
        {
            pfns[index] = sorted[selected[index]];
        }

        ulong[] words = new ulong[pfns.Length];
        int known = frames.Map.Tables?.ReadFlags(pfns, words) ?? 0;
        frames.MigrateTypes?.Refresh();
        for (int place = 0; place < selected.Length; place++)
        {
            int index = selected[place];
            FrameSample sample = samples[index];
            if (filter is null || (filter.MayMatch(sample.State) && filter.Matches(owners[index])))
            {
                found(index, new PageFrame(frames.Context, sorted[index], sample, owners[index],
                    place < known ? new KernelPageFlagSet(words[place]) : null,
                    frames.MigrateTypes?.Of(sorted[index]) ?? MigrateTypes.Unknown));
            }
        }
    }

    /// <summary>Reads frames again. Returns those whose use changed, with what they are now.</summary>
    private int[] Changed(ReadOnlySpan<ulong> sorted, FrameSample[] samples, int[] waiting)
    {
        ulong[] pfns = new ulong[waiting.Length];
        for (int index = 0; index < waiting.Length; index++)
        {
            pfns[index] = sorted[waiting[index]];
        }

        FrameSample[] again = new FrameSample[waiting.Length];
        Frames.Sampler.Read(pfns, again);
        List<int> changed = [];
        for (int index = 0; index < waiting.Length; index++)
        {
            ref FrameSample before = ref samples[waiting[index]];
            if (!before.IsSameUse(again[index]))
            {
                changed.Add(waiting[index]);
            }

            before = again[index];
        }

        return [.. changed];
    }

    /// <summary>What is found once.</summary>
    private sealed class Opened
    {
        public Opened(KernelReader reader)
        {
            Map = FrameMap.Create(reader);
            Sampler = new FrameSampler(Map);
            Owners = new FrameOwners(reader);
            Context = new PageFrameContext(Map.Decoder, reader.Layout.Frames);
            MigrateTypes = MigrateTypes.Create(reader);
        }

        public FrameMap Map { get; }

        public FrameSampler Sampler { get; }

        public FrameOwners Owners { get; }

        public PageFrameContext Context { get; }

        public MigrateTypes? MigrateTypes { get; }
    }
}

using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Reads physical memory where the kernel maps it (the direct map). Only RAM is read: no device, no memory with an error,
/// and none that a balloon driver or hypervisor has. There is no writing.
/// </summary>
/// <param name="source">How to read the kernel's memory. It is opened at the first use.</param>
/// <param name="files">Where the kernel's file systems are mounted; null for the usual places.</param>
/// <param name="cancellation">Stops the reads.</param>
public sealed class PhysicalMemoryReader(
    KernelReadSource source = KernelReadSource.Auto, KernelFiles? files = null, CancellationToken cancellation = default)
    : IDisposable
{
    /// <summary>Maximum size of one block, in bytes.</summary>
    public const int MaxBlockBytes = MemoryReader.MaxBlockBytes;

    private readonly KernelReader _reader = new(source, files);
    private Opened? _opened;

    /// <inheritdoc cref="PageTableReader.Source"/>
    public KernelReadSource Source => _reader.Source;

    private Opened Memory => _opened ??= new Opened(_reader);

    /// <summary>Prepares reads, so that errors that concern all of them appear here.</summary>
    /// <exception cref="MemProcException">
    /// As <see cref="PageFrameReader.Prepare"/>; ReadPhysicalMap, EPERM: the kernel hides where its RAM is.
    /// </exception>
    public void Prepare() => _ = Memory;

    /// <summary>Reads a range in blocks of at most <see cref="MaxBlockBytes"/>, each returned when it is full.</summary>
    /// <param name="address">Physical address of the first byte.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <exception cref="MemProcException">
    /// ReadPhysicalMemory, EINVAL: the range exceeds the address space. Otherwise as <see cref="Prepare"/>.
    /// </exception>
    public IEnumerable<PhysicalMemoryBlock> ReadBlocks(ulong address, ulong length)
    {
        ulong end = End(address, length);
        return Blocks(address, end);
    }

    /// <summary>Reads a range that must be readable as a whole.</summary>
    /// <param name="address">Physical address of the first byte.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <exception cref="MemProcException">
    /// ReadPhysicalMemory: part of the range cannot be read, or it does not fit an array. Otherwise as <see cref="Prepare"/>.
    /// </exception>
    public byte[] ReadExactly(ulong address, ulong length)
    {
        End(address, length);
        if (length > (ulong)Array.MaxLength)
        {
            throw new MemProcException(Operation.ReadPhysicalMemory, Errno.EINVAL,
                $"{HumanSize.Format(length)} do not fit one array; read them into a file.", address);
        }

        byte[] bytes = new byte[(int)length];
        List<MemoryGap> gaps = [];
        Fill(address, bytes, gaps);
        return gaps is [{ } gap, ..] ? throw Unreadable(address, length, gap) : bytes;
    }

    /// <summary>Reads a string up to its first NUL; the bytes after it need not be readable.</summary>
    /// <param name="address">Physical address of the first byte.</param>
    /// <param name="length">Maximum number of bytes, at least 1.</param>
    /// <param name="encoding">Encoding of the bytes.</param>
    /// <param name="isEnded">A NUL was found; otherwise the string may continue after the range.</param>
    /// <inheritdoc cref="ReadExactly" path="/exception"/>
    public string ReadText(ulong address, ulong length, Encoding encoding, out bool isEnded)
    {
        End(address, length);
        byte[] bytes = new byte[(int)Math.Min(length, MaxBlockBytes)];
        List<MemoryGap> gaps = [];
        Fill(address, bytes, gaps);
        MemoryGap? gap = gaps.Count == 0 ? null : gaps[0];
        ReadOnlySpan<byte> known = gap is null ? bytes : bytes.AsSpan(0, (int)(gap.Address - address));
        string text = MemoryValue.DecodeText(known, encoding);
        isEnded = text.Length < encoding.GetString(known).Length;
        return isEnded || gap is null ? text : throw Unreadable(address, length, gap);
    }

    /// <summary>Reads consecutive values.</summary>
    /// <param name="address">Physical address of the first one.</param>
    /// <param name="type">Their type; not a pointer to a string, which would be an address of a process.</param>
    /// <param name="count">Their number, at least 1.</param>
    /// <param name="isBigEndian">The byte order, of types that have none.</param>
    /// <param name="encoding">Encoding of strings.</param>
    /// <returns>The results of <see cref="MemoryType.Decode"/>.</returns>
    /// <inheritdoc cref="ReadExactly" path="/exception"/>
    public IEnumerable<object?> Values(
        ulong address, MemoryType type, ulong count, bool isBigEndian, Encoding encoding)
    {
        if (type.IsTextPointer)
        {
            throw new MemProcException(Operation.ReadPhysicalMemory, Errno.EINVAL,
                $"The type {type} follows pointers, which are addresses of a process. Read the pointer, or read the memory of "
                + "the process.", address);
        }

        ulong size = (ulong)type.SizeBytes;
        End(address, count > ulong.MaxValue / size ? ulong.MaxValue : count * size);
        return ValuesIn(address, type, count, isBigEndian, encoding);
    }

    /// <summary>Creates the exception for a range that must be readable as a whole and has a gap.</summary>
    /// <param name="address">First address of the range.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="gap">The gap.</param>
    public static MemProcException Unreadable(ulong address, ulong length, MemoryGap gap)
    {
        string part = gap.Length == length ? string.Empty : $", part of {HumanSize.Format(length)} at 0x{address:x}";
        return new MemProcException(Operation.ReadPhysicalMemory, gap.Errno == Errno.None ? Errno.ENXIO : gap.Errno,
            $"{HumanSize.Format(gap.Length)} of physical memory at 0x{gap.Address:x}{part} cannot be read: {gap.Describe()}.",
            gap.Address);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _opened?.Map.Dispose();
        _reader.Dispose();
    }

    /// <summary>Fills a buffer; bytes in gaps are set to 0.</summary>
    /// <param name="address">Physical address of the first byte.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="gaps">Receives what could not be read.</param>
    internal void Fill(ulong address, Span<byte> buffer, List<MemoryGap> gaps)
    {
        for (int done = 0; done < buffer.Length;)
        {
            cancellation.ThrowIfCancellationRequested();
            ulong at = address + (ulong)done;
            (ulong end, MemoryGapKind? reason) = Memory.PartAt(at, address + (ulong)buffer.Length);
            Span<byte> part = buffer.Slice(done, (int)(end - at));
            if (reason is MemoryGapKind kind)
            {
                part.Clear();
                MemoryGap.Add(gaps, new MemoryGap(at, (ulong)part.Length, kind, Errno.None));
            }
            else
            {
                Read(at, part, gaps);
            }

            done += part.Length;
        }
    }

    private static ulong End(ulong address, ulong length)
    {
        ulong end = address + length;
        return length > 0 && end > address ? end : throw new MemProcException(Operation.ReadPhysicalMemory, Errno.EINVAL,
            $"{HumanSize.Format(length)} at the physical address 0x{address:x} exceed the address space.", address);
    }

    private IEnumerable<PhysicalMemoryBlock> Blocks(ulong address, ulong end)
    {
        for (ulong at = address; at < end;)
        {
            // Blocks end at a line of a hex dump, so that the next one begins with a whole line.
            byte[] bytes = GC.AllocateUninitializedArray<byte>((int)Math.Min(end - at, MaxBlockBytes - at % HexDump.BytesPerLine));
            List<MemoryGap> gaps = [];
            Fill(at, bytes, gaps);
            ulong length = (ulong)bytes.Length;
            yield return new PhysicalMemoryBlock(
                at, length, gaps is [{ } only] && only.Length == length ? [] : bytes, [.. gaps], Source);
            at += length;
        }
    }

    private IEnumerable<object?> ValuesIn(ulong address, MemoryType type, ulong count, bool isBigEndian, Encoding encoding)
    {
        const int ChunkBytes = 256 * 1024;
        ulong size = (ulong)type.SizeBytes;
        ulong most = Math.Max(ChunkBytes / size, 1);
        for (ulong done = 0; done < count;)
        {
            ulong part = Math.Min(most, count - done);
            byte[] bytes = ReadExactly(address + done * size, part * size);
            for (ulong index = 0; index < part; index++)
            {
                yield return type.Decode(bytes.AsSpan((int)(index * size)), isBigEndian, encoding);
            }

            done += part;
        }
    }

    /// <summary>Reads a part of RAM; where the kernel maps only some of its pages, page by page.</summary>
    private void Read(ulong address, Span<byte> buffer, List<MemoryGap> gaps)
    {
        ulong directMap = _reader.PageTables.DirectMap;
        if (_reader.TryRead(directMap + address, buffer) == Errno.None)
        {
            return;
        }

        for (int done = 0; done < buffer.Length;)
        {
            cancellation.ThrowIfCancellationRequested();
            ulong at = address + (ulong)done;
            Span<byte> page = buffer.Slice(done, (int)Math.Min(
                (ulong)(buffer.Length - done), MachinePage.SizeBytes - (at & (MachinePage.SizeBytes - 1))));
            Errno errno = _reader.TryRead(directMap + at, page);
            if (errno != Errno.None)
            {
                page.Clear();
                MemoryGap.Add(gaps, new MemoryGap(at, (ulong)page.Length, MemoryGapKind.NotInDirectMap, errno));
            }

            done += page.Length;
        }
    }

    /// <summary>What is found once: where RAM is, and what its frames are.</summary>
    private sealed class Opened
    {
        private const int BatchFrames = 1024;

        private readonly AddressRange[] _ram;
        private readonly FrameSampler _sampler;
        private readonly ulong _poison;
        private readonly ulong[] _pfns = new ulong[BatchFrames];
        private readonly FrameSample[] _samples = new FrameSample[BatchFrames];

        public Opened(KernelReader reader)
        {
            PhysicalMap map = PhysicalMap.Read(reader.Files);
            if (map.IsHidden)
            {
                throw new MemProcException(Operation.ReadPhysicalMap, Errno.EPERM,
                    "The kernel hides from this user which physical addresses are RAM. Only RAM is read. "
                    + CallerRights.Read(reader.Files).Explain([Capability.SysAdmin]));
            }

            _ram = [.. map.SystemRam.OrderBy(range => range.Start)];
            Map = FrameMap.Create(reader);
            _sampler = new FrameSampler(Map);
            _poison = reader.Layout.Frames.Flags.Poison;
        }

        public FrameMap Map { get; }

        /// <summary>Returns the part from an address on that can be read, or cannot for one reason.</summary>
        public (ulong End, MemoryGapKind? Reason) PartAt(ulong address, ulong limit)
        {
            ulong end = limit;
            bool isRam = false;
            foreach (AddressRange range in _ram)
            {
                if (range.Start > address)
                {
                    end = isRam ? end : Math.Min(end, range.Start);
                    break;
                }

                if (address < range.End)
                {
                    isRam = true;
                    end = Math.Min(end, range.End);
                }
            }

            return isRam ? FramesAt(address, end) : (end, MemoryGapKind.NotRam);
        }

        /// <summary>Returns how far the frames from an address on are alike in what keeps them from being read.</summary>
        private (ulong End, MemoryGapKind? Reason) FramesAt(ulong address, ulong end)
        {
            ulong first = address / MachinePage.SizeBytes;
            int count = (int)Math.Min(BatchFrames, (end - 1) / MachinePage.SizeBytes - first + 1);
            for (int index = 0; index < count; index++)
            {
                _pfns[index] = first + (ulong)index;
            }

            _sampler.Read(_pfns.AsSpan(0, count), _samples);
            MemoryGapKind? reason = ReasonOf(_samples[0]);
            int alike = 1;
            while (alike < count && ReasonOf(_samples[alike]) == reason)
            {
                alike++;
            }

            return (Math.Min(end, (first + (ulong)alike) * MachinePage.SizeBytes), reason);
        }

        private MemoryGapKind? ReasonOf(in FrameSample sample) =>
            (sample.State.Flags & _poison) != 0 ? MemoryGapKind.Poisoned
            : sample.State.Kind is PageFrameKind.Offline or PageFrameKind.Unaccepted or PageFrameKind.Device
                ? MemoryGapKind.Offline
            : null;
    }
}

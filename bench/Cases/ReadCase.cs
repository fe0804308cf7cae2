using System.Globalization;

namespace MemProc.Bench;

/// <summary>Reading memory of a process into a buffer that is used again and again.</summary>
internal sealed class ReadCase : Case
{
    private const ulong Length = 1UL << 30;
    private const int Repeats = 3;

    /// <summary>Chunks of the C program: the best one counts.</summary>
    private static readonly int[] Chunks = [64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 4 << 20];

    /// <inheritdoc/>
    public override string Name => "read";

    /// <inheritdoc/>
    public override string Title => "read of 1 GiB into a reused buffer";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        ResidentMemory memory = ResidentMemory.In(context, Length);
        LinuxProcess process = context.Keep(LinuxProcess.Open(memory.ProcessId));
        MemoryReader reader = new(process, ReadMethod.ProcessVm);
        Memory<byte> buffer = PageAligned(MemoryReader.PreferredBufferBytes);
        InProcessCandidate core = context.Add(
            new InProcessCandidate("MemProc.Core, MemoryReader", Repeats, () => Read(reader, memory, buffer.Span)));
        int best = Chunks.MinBy(chunk => Limit(memory, chunk).Measure().Nanoseconds);
        // 1.05 of the time is 0.95 of the bandwidth.
        context.Compare(core, context.Add(Limit(memory, best)), maxRatio: 1.05);
        context.Remark("Allocated by a read", () => HumanSize.Format((ulong)core.AllocatedBytes));
    }

    private static LimitCandidate Limit(ResidentMemory memory, int chunk) => new(
        $"C, process_vm_readv of {HumanSize.Format((ulong)chunk)}", "process_read", Repeats, memory.ProcessId, memory.Start,
        memory.End, chunk);

    /// <summary>A buffer that begins where a page does, as that of the C program: the kernel copies page by page.</summary>
    private static unsafe Memory<byte> PageAligned(int length)
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(length + (int)MachinePage.SizeBytes, pinned: true);
        fixed (byte* start = buffer)
        {
            return buffer.AsMemory((int)(MachinePage.Ceiling((ulong)start) - (ulong)start), length);
        }
    }

    private static string Read(MemoryReader reader, ResidentMemory memory, Span<byte> buffer)
    {
        long sum = 0;
        for (ulong at = memory.Start; at < memory.End; at += (ulong)buffer.Length)
        {
            Span<byte> chunk = buffer[..(int)Math.Min((ulong)buffer.Length, memory.End - at)];
            if (reader.Read(at, chunk).Count > 0)
            {
                throw new BenchException($"There is a gap in the memory at 0x{at:x}.");
            }

            for (int offset = 0; offset < chunk.Length; offset += (int)MachinePage.SizeBytes)
            {
                sum += chunk[offset];
            }
        }

        return sum.ToString(CultureInfo.InvariantCulture);
    }
}

using System.Buffers.Binary;

namespace MemProc.Interop;

/// <summary>A sample of a breakpoint: an access to the watched bytes.</summary>
/// <param name="InstructionPointer">The instruction pointer when the kernel was told.</param>
/// <param name="ProcessId">The process.</param>
/// <param name="ThreadId">The thread.</param>
/// <param name="Time">Nanoseconds of CLOCK_MONOTONIC.</param>
/// <param name="Address">Address of the breakpoint.</param>
/// <param name="EventId">Id of the event, or of the one that the thread has inherited.</param>
/// <param name="IsKernel">The kernel accessed the bytes, in a system call of the thread.</param>
public readonly record struct PerfSample(
    ulong InstructionPointer, int ProcessId, int ThreadId, ulong Time, ulong Address, ulong EventId, bool IsKernel);

/// <summary>
/// The buffer of a perf event, to which the kernel writes records and from which this program takes them
/// (<c>struct perf_event_mmap_page</c> of <c>include/uapi/linux/perf_event.h</c>).
/// </summary>
/// <param name="mapping">The mapped buffer.</param>
/// <param name="pageBytes">Size of its first page, after which the records begin.</param>
public sealed class PerfRing(SafeMapping mapping, int pageBytes) : IDisposable
{
    private const int HeadOffset = 1024;
    private const int TailOffset = 1032;
    private const int HeaderBytes = 8;
    private const int SampleBytes = HeaderBytes + 5 * sizeof(ulong);
    private const uint LostRecord = 2;
    private const uint SampleRecord = 9;
    private const ushort ModeMask = 7;
    private const ushort KernelMode = 1;

    private readonly byte[] _record = new byte[64];

    /// <summary>Number of samples that were taken.</summary>
    public ulong TakenCount { get; private set; }

    /// <summary>
    /// Number of samples of which the kernel said that it dropped them, since the buffer was full. It says so when it
    /// writes the next sample.
    /// </summary>
    public ulong LostCount { get; private set; }

    /// <summary>Takes the samples that are there, at most as many as the buffer holds.</summary>
    public void Take(List<PerfSample> samples)
    {
        ulong size = mapping.Length - (ulong)pageBytes;
        ulong head = ReadHead();
        ulong tail = ReadTail();
        // The kernel never lets the head pass the tail by more than the buffer.
        while (head - tail >= HeaderBytes && head - tail <= size)
        {
            Copy(tail, size, HeaderBytes);
            int length = BinaryPrimitives.ReadUInt16LittleEndian(_record.AsSpan(6));
            if (length < HeaderBytes || (ulong)length > head - tail)
            {
                break;
            }

            Copy(tail, size, Math.Min(length, _record.Length));
            Add(length, samples);
            tail += (ulong)length;
        }

        WriteTail(head);
    }

    /// <inheritdoc/>
    public void Dispose() => mapping.Dispose();

    private void Add(int length, List<PerfSample> samples)
    {
        ReadOnlySpan<byte> record = _record;
        uint type = BinaryPrimitives.ReadUInt32LittleEndian(record);
        if (type == LostRecord && length >= HeaderBytes + 2 * sizeof(ulong))
        {
            LostCount += BinaryPrimitives.ReadUInt64LittleEndian(record[16..]);
        }
        else if (type == SampleRecord && length >= SampleBytes)
        {
            TakenCount++;
            samples.Add(new PerfSample(
                BinaryPrimitives.ReadUInt64LittleEndian(record[8..]),
                BinaryPrimitives.ReadInt32LittleEndian(record[16..]),
                BinaryPrimitives.ReadInt32LittleEndian(record[20..]),
                BinaryPrimitives.ReadUInt64LittleEndian(record[24..]),
                BinaryPrimitives.ReadUInt64LittleEndian(record[32..]),
                BinaryPrimitives.ReadUInt64LittleEndian(record[40..]),
                (BinaryPrimitives.ReadUInt16LittleEndian(record[4..]) & ModeMask) == KernelMode));
        }
    }

    /// <summary>Copies bytes of the buffer, which continues at its start.</summary>
    private unsafe void Copy(ulong at, ulong size, int length)
    {
        byte* data = (byte*)mapping.Address + pageBytes;
        for (int index = 0; index < length; index++)
        {
            _record[index] = data[(at + (ulong)index) % size];
        }
    }

    /// <summary>Reads where the kernel will write next; what is before that is complete.</summary>
    private unsafe ulong ReadHead() => Volatile.Read(ref *(ulong*)((byte*)mapping.Address + HeadOffset));

    private unsafe ulong ReadTail() => *(ulong*)((byte*)mapping.Address + TailOffset);

    private unsafe void WriteTail(ulong tail) => Volatile.Write(ref *(ulong*)((byte*)mapping.Address + TailOffset), tail);
}

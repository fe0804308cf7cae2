namespace MemProc;

/// <summary>A stretch of a process' memory, read.</summary>
public sealed class MemoryBlock
{
    internal MemoryBlock(
        ProcessIdentity process, ulong address, ulong length, byte[] bytes, MemoryGap[] gaps, ReadMethod method)
    {
        Process = process;
        Address = address;
        Length = length;
        Bytes = bytes;
        Gaps = gaps;
        Method = method;
    }

    /// <summary>The process id.</summary>
    public int ProcessId => Process.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => Process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => Process.StartTicks;

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary>Bytes covered, gaps included.</summary>
    public ulong Length { get; }

    /// <summary>
    /// The bytes, <see cref="Length"/> of them, 0 where a gap is; empty where the whole block is one gap.
    /// </summary>
    public byte[] Bytes { get; }

    /// <summary>What could not be read, in address order.</summary>
    public MemoryGap[] Gaps { get; }

    /// <summary>How it was read.</summary>
    public ReadMethod Method { get; }

    /// <summary>
    /// The addresses on the way where pointers were followed: the one given first, that of the range last. Empty where
    /// none was.
    /// </summary>
    public ulong[] Pointers { get; init; } = [];

    internal ProcessIdentity Process { get; }
}

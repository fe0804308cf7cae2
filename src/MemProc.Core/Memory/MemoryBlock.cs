namespace MemProc;

/// <summary>A range of a process' memory that was read.</summary>
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

    /// <summary>Start time in clock ticks after boot; with the id it identifies the process.</summary>
    public ulong ProcessStartTicks => Process.StartTicks;

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary>Bytes covered, gaps included.</summary>
    public ulong Length { get; }

    /// <summary>The bytes, 0 in gaps; empty where the whole block is one gap.</summary>
    public byte[] Bytes { get; }

    /// <summary>What could not be read, in address order.</summary>
    public MemoryGap[] Gaps { get; }

    /// <summary>How it was read.</summary>
    public ReadMethod Method { get; }

    /// <summary>
    /// The addresses visited where pointers were followed: the requested address first, that of the range last. Empty
    /// where none was followed.
    /// </summary>
    public ulong[] Pointers { get; init; } = [];

    internal ProcessIdentity Process { get; }
}

namespace MemProc;

/// <summary>What was found at an address that is watched: first what is there, then what it became.</summary>
public sealed class MemoryChange
{
    private readonly ProcessIdentity _process;

    internal MemoryChange(ProcessIdentity process, ulong address, ulong length, MemoryType type, bool isFirst)
    {
        _process = process;
        Address = address;
        Length = length;
        Type = type.ToString();
        IsFirst = isFirst;
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _process.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => _process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => _process.StartTicks;

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary>Number of bytes.</summary>
    public ulong Length { get; }

    /// <summary>How the bytes are understood, as <see cref="MemoryType"/> writes it.</summary>
    public string Type { get; }

    /// <summary>When it was read, in local time. It may have changed at any time since it was read before.</summary>
    public required DateTime Time { get; init; }

    /// <summary>It is what was there at the beginning, no change.</summary>
    public bool IsFirst { get; }

    /// <summary>What was there before; null for the first one, and where it could not be read before.</summary>
    public object? PreviousValue { get; init; }

    /// <summary>What is there now; null where it can no longer be read.</summary>
    public object? Value { get; init; }

    /// <summary>The bytes that were there before; empty where there were none.</summary>
    public byte[] PreviousBytes { get; init; } = [];

    /// <summary>The bytes that are there now; empty where they can no longer be read.</summary>
    public byte[] Bytes { get; init; } = [];

    /// <summary>Why it can no longer be read; null where it can.</summary>
    public MemoryGap? Gap { get; init; }
}

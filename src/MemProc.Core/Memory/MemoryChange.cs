namespace MemProc;

/// <summary>A value at a watched address: the initial one, or a change.</summary>
public sealed class MemoryChange : ProcessOutput
{
    internal MemoryChange(ProcessIdentity process, ulong address, ulong length, MemoryType type, bool isFirst)
    {
        Process = process;
        Address = address;
        Length = length;
        Type = type.ToString();
        IsFirst = isFirst;
    }

    internal override ProcessIdentity Process { get; }

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>Number of bytes.</summary>
    public ulong Length { get; }

    /// <summary>The type of the value, as <see cref="MemoryType"/> formats it.</summary>
    public string Type { get; }

    /// <summary>When it was read, in local time. It changed at some time since the read before.</summary>
    public required DateTime Time { get; init; }

    /// <summary>It is the initial value, not a change.</summary>
    public bool IsFirst { get; }

    /// <summary>The previous value; null for the initial one, and where it could not be read before.</summary>
    public object? PreviousValue { get; init => field = OutputList.OfValue(value); }

    /// <summary>The value; null where it can no longer be read.</summary>
    public object? Value { get; init => field = OutputList.OfValue(value); }

    /// <summary>The previous bytes; empty where there are none.</summary>
    public MemoryBytes PreviousBytes { get; init; } = [];

    /// <summary>The bytes; empty where they can no longer be read.</summary>
    public MemoryBytes Bytes { get; init; } = [];

    /// <summary>
    /// How often the value was written back so far, this time included, where it is held; null where it is only watched.
    /// </summary>
    public long? RestoreCount { get; init; }

    /// <summary>Why it can no longer be read; null where it can.</summary>
    public MemoryGap? Gap { get; init; }

    /// <summary>Returns address and value.</summary>
    public override string ToString() => $"0x{Address:x}: {SafeText.Escape($"{Value ?? Bytes}")}";
}

namespace MemProc;

/// <summary>A place in a process' memory where something that was searched for is.</summary>
public class MemoryMatch
{
    private readonly ProcMap? _map;

    internal MemoryMatch(
        ProcessIdentity process, ProcMap? map, ulong address, byte[] bytes, MemoryValueType? type, object? value,
        MemoryMatch? previous = null)
    {
        Process = process;
        _map = map;
        Address = address;
        Bytes = bytes;
        Type = type;
        Value = value;
        PreviousBytes = previous?.Bytes;
        PreviousValue = previous?.Value;
    }

    /// <summary>The process id.</summary>
    public int ProcessId => Process.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => Process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => Process.StartTicks;

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary>Bytes of the match.</summary>
    public ulong Length => (ulong)Bytes.Length;

    /// <summary>The bytes themselves.</summary>
    public byte[] Bytes { get; }

    /// <summary>What they are a number of; null where they are none.</summary>
    public MemoryValueType? Type { get; }

    /// <summary>The number or the text that they are; null where mere bytes were searched for.</summary>
    public object? Value { get; }

    /// <summary>The bytes before, of a match that was looked at again; else null.</summary>
    public byte[]? PreviousBytes { get; }

    /// <summary>The number or text before, of a match that was looked at again; else null.</summary>
    public object? PreviousValue { get; }

    /// <summary>Permissions of the mapping that it begins in, <c>rw-p</c>; null: nothing is mapped any more.</summary>
    public string? Permissions => _map?.Permissions;

    /// <summary>What that mapping is.</summary>
    public ProcMapKind? Kind => _map?.Kind;

    /// <summary>The mapping's path or name, empty for anonymous memory.</summary>
    public string? Path => _map?.Path;

    /// <summary>Bytes from the beginning of the mapping.</summary>
    public ulong? OffsetInMapping => Address - _map?.Start;

    internal ProcessIdentity Process { get; }
}

namespace MemProc;

/// <summary>A place in a process's memory where something that was searched for is.</summary>
public class MemoryMatch : ProcessOutput
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

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary>Length of the match, in bytes.</summary>
    public ulong Length => (ulong)Bytes.Length;

    /// <summary>The bytes of the match.</summary>
    public byte[] Bytes { get; }

    /// <summary>The type of the number; null when no number was searched for.</summary>
    public MemoryValueType? Type { get; }

    /// <summary>The number or the text; null when bytes were searched for.</summary>
    public object? Value { get; }

    /// <summary>The bytes before the last read, of a match that was read again; else null.</summary>
    public byte[]? PreviousBytes { get; }

    /// <summary>The number or text before the last read, of a match that was read again; else null.</summary>
    public object? PreviousValue { get; }

    /// <summary>Permissions of the mapping that it begins in, <c>rw-p</c>; null: nothing is mapped any more.</summary>
    public string? Permissions => _map?.Permissions;

    /// <summary>Kind of that mapping.</summary>
    public ProcMapKind? Kind => _map?.Kind;

    /// <summary>Path or name of the mapping, empty for anonymous memory.</summary>
    public string? Path => _map?.Path;

    /// <summary>Bytes from the start of the mapping.</summary>
    public ulong? OffsetInMapping => Address - _map?.Start;

    /// <summary>That mapping.</summary>
    internal ProcMap? Map => _map;

    internal override ProcessIdentity Process { get; }
}

/// <summary>A match with the bytes around it.</summary>
public sealed class MemoryMatchInContext : MemoryMatch
{
    internal MemoryMatchInContext(
        ProcessIdentity process, ProcMap map, ulong address, byte[] bytes, MemoryValueType? type, object? value,
        ulong contextAddress, byte[] context)
        : base(process, map, address, bytes, type, value)
    {
        ContextAddress = contextAddress;
        ContextBytes = context;
    }

    /// <summary>Address of the first byte of the context.</summary>
    public ulong ContextAddress { get; }

    /// <summary>
    /// The bytes before the match, the match, and the bytes after it: fewer where the memory that was searched ends.
    /// </summary>
    public byte[] ContextBytes { get; }
}

namespace MemProc;

/// <summary>A place in a process's memory where something that was searched for is.</summary>
public class MemoryMatch : ProcessOutput
{
    private readonly ProcMap? _map;
    private readonly byte[] _bytes;
    private readonly byte[]? _previous;

    internal MemoryMatch(
        ProcessIdentity process, ProcMap? map, ulong address, byte[] bytes, MemoryValueType? type, object? value,
        MemoryMatch? previous = null)
    {
        Process = process;
        _map = map;
        Address = address;
        _bytes = bytes;
        Type = type;
        Value = value;
        _previous = previous?._bytes;
        PreviousValue = previous?.Value;
    }

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>Length of the match, in bytes.</summary>
    public ulong Length => (ulong)_bytes.Length;

    /// <summary>The bytes of the match.</summary>
    public MemoryBytes Bytes => new(_bytes);

    /// <summary>The type of the number; null when no number was searched for.</summary>
    public MemoryValueType? Type { get; }

    /// <summary>The number or the text; null when bytes were searched for.</summary>
    public object? Value { get; }

    /// <summary>The bytes before the last read, of a match that was read again; else null.</summary>
    public MemoryBytes? PreviousBytes => _previous is null ? null : new MemoryBytes(_previous);

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

    /// <summary><see cref="OffsetInMapping"/> in hex.</summary>
    public string? OffsetInMappingHex => HexText.Of(OffsetInMapping);

    /// <summary>That mapping.</summary>
    internal ProcMap? Map => _map;

    internal override ProcessIdentity Process { get; }

    /// <summary>Returns address and content.</summary>
    public override string ToString() =>
        $"0x{Address:x} {MatchText.Describe(_bytes, Type is MemoryValueType type && MemoryValue.IsPointer(type), Type is null ? null : Value, PreviousValue)}";
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
        ContextBytes = new MemoryBytes(context);
    }

    /// <summary>Address of the first byte of the context.</summary>
    public ulong ContextAddress { get; }

    /// <summary><see cref="ContextAddress"/> in hex.</summary>
    public string ContextAddressHex => HexText.Of(ContextAddress);

    /// <summary>
    /// The bytes before the match, the match, and the bytes after it: fewer where the memory that was searched ends.
    /// </summary>
    public MemoryBytes ContextBytes { get; }
}

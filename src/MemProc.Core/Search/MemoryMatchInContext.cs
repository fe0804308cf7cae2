namespace MemProc;

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
    /// The bytes before the match, the match, and the bytes behind it: fewer where the memory that was searched ends.
    /// </summary>
    public byte[] ContextBytes { get; }
}

namespace MemProc;

/// <summary>A requested write to memory.</summary>
/// <param name="Address">Address of the first byte.</param>
/// <param name="Bytes">The bytes to write, at least one.</param>
/// <param name="Expected">The bytes that must be there before; may be fewer or more than are written. Null: any.</param>
/// <param name="Force">Write through <c>/proc/PID/mem</c> where the process itself has no write permission.</param>
public sealed record WantedWrite(ulong Address, byte[] Bytes, byte[]? Expected = null, bool Force = false);

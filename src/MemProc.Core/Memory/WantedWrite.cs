namespace MemProc;

/// <summary>A write that is wanted.</summary>
/// <param name="Address">Address of the first byte.</param>
/// <param name="Bytes">What is to be written, at least one byte.</param>
/// <param name="Expected">What must be there before; may be shorter or longer. Null: anything.</param>
/// <param name="Force">Write what the process itself may not write, through /proc/PID/mem.</param>
public sealed record WantedWrite(ProcAddress Address, byte[] Bytes, byte[]? Expected = null, bool Force = false);

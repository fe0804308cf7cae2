namespace MemProc.Cli;

/// <summary>A text in a process' memory.</summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Address">Address of the first byte.</param>
/// <param name="Text">The text, as the process has it.</param>
internal sealed record ReadText(int ProcessId, ulong Address, string Text);

/// <summary>A number in a process' memory.</summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Address">Address of its first byte.</param>
/// <param name="Type">What it is.</param>
/// <param name="Value">The number; an address is a text in hex.</param>
internal sealed record ReadValue(int ProcessId, ulong Address, MemoryValueType Type, object Value)
{
    /// <summary>The numbers that bytes stand for, side by side.</summary>
    public static IEnumerable<ReadValue> Decode(int processId, ulong address, byte[] bytes, MemoryValueType type) =>
        MemoryValue.DecodeAll(bytes, type).Select((value, index) => new ReadValue(
            processId, address + (ulong)(index * MemoryValue.SizeOf(type)), type,
            type == MemoryValueType.Pointer ? Show.Hex((ulong)value) : value));
}

namespace MemProc;

/// <summary>Which accesses are watched.</summary>
public enum AccessKind
{
    /// <summary>Writes.</summary>
    Write,
    /// <summary>Reads and writes. Processors for x86 cannot watch reads alone.</summary>
    ReadWrite,
}

/// <summary>An access of a thread to watched bytes.</summary>
public sealed class ProcMemoryAccess : ProcessOutput
{
    internal ProcMemoryAccess(ProcessIdentity process) => Process = process;

    /// <summary>When it happened, in local time.</summary>
    public required DateTime Time { get; init; }

    /// <summary>The thread.</summary>
    public required int ThreadId { get; init; }

    /// <summary>
    /// Address of the instruction that accessed the bytes. Where that is not certain, it is the instruction pointer that
    /// the processor reported, and <see cref="Instruction"/> is null.
    /// </summary>
    public required ulong Address { get; init; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>The instruction pointer that the processor reported: on x86, that after the instruction.</summary>
    public required ulong InstructionPointer { get; init; }

    /// <summary><see cref="InstructionPointer"/> in hex.</summary>
    public string InstructionPointerHex => HexText.Of(InstructionPointer);

    /// <summary>What the instruction belongs to, by symbol where one is known.</summary>
    public string? Location { get; init; }

    /// <summary>The instruction as text; null where it is not certain, in the kernel, and on processors other than x86.</summary>
    public string? Instruction { get; init; }

    /// <summary>What the instruction does with memory; null where it is not certain.</summary>
    public InstructionAccess? Access { get; init; }

    /// <summary>The kernel accessed the bytes, in a system call of the thread.</summary>
    public bool IsKernel { get; init; }

    /// <summary>Address of the watched bytes.</summary>
    public required ulong DataAddress { get; init; }

    /// <summary><see cref="DataAddress"/> in hex.</summary>
    public string DataAddressHex => HexText.Of(DataAddress);

    /// <summary>Number of watched bytes: 1, 2, 4 or 8.</summary>
    public required int DataBytes { get; init; }

    /// <summary>The type of the values, as <see cref="MemoryType"/> formats it.</summary>
    public required string Type { get; init; }

    /// <summary>The value before the access; null where it is not known, as of accesses in quick succession.</summary>
    public object? PreviousValue { get; init => field = OutputList.OfValue(value); }

    /// <summary>The value after the access; null where it is not known.</summary>
    public object? Value { get; init => field = OutputList.OfValue(value); }

    internal override ProcessIdentity Process { get; }

    /// <summary>Returns the watched address, the thread, and the place of the instruction.</summary>
    public override string ToString() =>
        SafeText.Escape($"0x{DataAddress:x} by thread {ThreadId} at {(string.IsNullOrEmpty(Location) ? AddressHex : Location)}");
}

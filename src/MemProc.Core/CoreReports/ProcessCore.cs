namespace MemProc;

/// <summary>What a core file is: its process, why and when it was made, its threads, its files, and what it lacks.</summary>
public sealed class ProcessCore : ProcessOutput
{
    internal ProcessCore(ProcessIdentity process) => Process = process;

    /// <summary>The command line, at most 80 bytes of it; null where the core does not have it.</summary>
    public string? CommandLine { get; init; }

    /// <summary>Id of the parent process; null where the core does not have it.</summary>
    public int? ParentId { get; init; }

    /// <summary>Id of the user; null where the core does not have it.</summary>
    public uint? UserId { get; init; }

    /// <summary>Id of the group; null where the core does not have it.</summary>
    public uint? GroupId { get; init; }

    /// <summary>The processor.</summary>
    public ElfMachine Machine { get; init; }

    /// <summary>Width of addresses: 32 or 64.</summary>
    public int Bits { get; init; }

    /// <summary>The kernel, as <c>/proc/version</c> had it; null where no page information was saved.</summary>
    public string? Kernel { get; init; }

    /// <summary>The local time of the save; of cores of other programs, the time when the file was changed last.</summary>
    public DateTime Time { get; init; }

    /// <summary>Number of the signal that ended or stopped the process; null where there was none.</summary>
    public int? Signal { get; init; }

    /// <summary>Its name: <c>SIGSEGV</c>.</summary>
    public string? SignalName { get; init; }

    /// <summary>The address whose access failed, of a signal about a fault; else null.</summary>
    public ulong? FaultAddress { get; init; }

    /// <summary><see cref="FaultAddress"/> in hex.</summary>
    public string? FaultAddressHex => HexText.Of(FaultAddress);

    /// <summary>What that address belongs to; null where nothing is mapped there.</summary>
    public string? FaultLocation { get; init; }

    /// <summary>The threads, the one that received the signal first; empty where the core has no registers.</summary>
    public required OutputList<ProcessCoreThread> Threads { get; init; }

    /// <summary>What the kernel passed to the program at its start (getauxval(3)); empty where the core does not have it.</summary>
    public required OutputList<ProcessCoreAuxiliary> AuxiliaryVector { get; init; }

    /// <summary>The mapped ELF files that have a build id.</summary>
    public required OutputList<ProcessCoreImage> Images { get; init; }

    /// <summary>Number of mappings.</summary>
    public int MappingCount { get; init; }

    /// <summary>Bytes of all mappings.</summary>
    public ulong MappedBytes { get; init; }

    /// <summary>Bytes of memory that the core holds, pages of zeros included.</summary>
    public ulong SavedBytes { get; init; }

    /// <summary>Bytes that the core should hold, and lacks since the file was cut off.</summary>
    public ulong TruncatedBytes { get; init; }

    /// <summary>Length of the file in bytes; of a compressed file, before compression.</summary>
    public ulong FileSizeBytes { get; init; }

    /// <summary>What the core lacks, a sentence each.</summary>
    public required OutputList<string> Missing { get; init; }

    internal override ProcessIdentity Process { get; }

    /// <summary>Returns process and signal.</summary>
    public override string ToString() => $"{Process}{(SignalName is null ? string.Empty : $": {SignalName}")}";
}

/// <summary>A thread of a core.</summary>
public sealed class ProcessCoreThread : ProcessOutput
{
    internal ProcessCoreThread(ProcessIdentity process, CoreThread thread, string? location, string? stackLocation)
    {
        Process = process;
        ThreadId = thread.ThreadId;
        Address = thread.InstructionPointer;
        StackPointer = thread.StackPointer;
        Location = location;
        StackLocation = stackLocation;
    }

    /// <summary>Its id.</summary>
    public int ThreadId { get; }

    /// <summary>Address of its next instruction; null where the processor is unknown.</summary>
    public ulong? Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string? AddressHex => HexText.Of(Address);

    /// <summary>What that address belongs to, by symbol where one is known; null where nothing is mapped there.</summary>
    public string? Location { get; }

    /// <summary>Its stack pointer; null where the processor is unknown.</summary>
    public ulong? StackPointer { get; }

    /// <summary><see cref="StackPointer"/> in hex.</summary>
    public string? StackPointerHex => HexText.Of(StackPointer);

    /// <summary>What the stack pointer belongs to; null where nothing is mapped there: a stack that overflowed.</summary>
    public string? StackLocation { get; }

    internal override ProcessIdentity Process { get; }

    /// <summary>Id and location.</summary>
    public override string ToString() => $"{ThreadId}: {SafeText.Escape(Location ?? $"0x{Address:x}")}";
}

/// <summary>An entry of the auxiliary vector.</summary>
/// <param name="Type">The number of its type (<c>include/uapi/linux/auxvec.h</c>).</param>
/// <param name="Name">The name of its type, such as <c>AT_ENTRY</c>; the number where it has none.</param>
/// <param name="Value">A number, or an address.</param>
public sealed record ProcessCoreAuxiliary(int Type, string Name, ulong Value)
{
    /// <summary><see cref="Value"/> in hex.</summary>
    public string ValueHex => HexText.Of(Value);

    /// <summary>Name and value.</summary>
    public override string ToString() => $"{Name} {ValueHex}";
}

/// <summary>A mapped ELF file of a core.</summary>
/// <param name="Path">The path in the list of mappings.</param>
/// <param name="BuildId">The build id of the image in memory, in hex.</param>
/// <param name="IsOnDisk">The file on this machine has that build id.</param>
public sealed record ProcessCoreImage(string Path, string BuildId, bool IsOnDisk)
{
    /// <summary>Path and build id.</summary>
    public override string ToString() => $"{SafeText.Escape(Path)} {BuildId}{(IsOnDisk ? string.Empty : " (not on this machine)")}";
}

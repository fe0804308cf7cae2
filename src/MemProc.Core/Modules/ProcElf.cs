using System.Diagnostics.CodeAnalysis;

namespace MemProc;

// Each of these is what the file says, and where that is in a process. They inherit from the types of a file, so that a
// filter or a pipeline takes both; the process and the address cannot come from a second base class.

/// <summary>The header of an ELF image that a process has mapped.</summary>
public sealed record ProcElfHeader : ElfHeader
{
    private readonly ProcessIdentity _process;

    [SetsRequiredMembers]
    internal ProcElfHeader(ElfHeader header, MappedImage image)
        : base(header)
    {
        _process = image.Maps[0].Process;
        Address = image.Maps[0].Start;
        LoadBias = image.LoadBias;
        EntryAddress = EntryPoint == 0 ? null : unchecked(EntryPoint + LoadBias);
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _process.ProcessId;

    /// <summary>The name of the process.</summary>
    public string ProcessName => _process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it identifies one process.</summary>
    public ulong ProcessStartTicks => _process.StartTicks;

    /// <summary>The path of the core file that it comes from; null where it comes from a live process.</summary>
    public string? CorePath => _process.CorePath;

    /// <summary>Start of its first mapping.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <inheritdoc cref="MappedImage.LoadBias"/>
    public ulong? LoadBias { get; }

    /// <summary><see cref="LoadBias"/> in hex.</summary>
    public string? LoadBiasHex => HexText.Of(LoadBias);

    /// <summary>Address of the entry point in the process; null where there is none.</summary>
    public ulong? EntryAddress { get; }

    /// <summary><see cref="EntryAddress"/> in hex.</summary>
    public string? EntryAddressHex => HexText.Of(EntryAddress);
}

/// <summary>A program header of an ELF image that a process has mapped.</summary>
public sealed record ProcElfSegment : ElfSegment
{
    private readonly ProcessIdentity _process;

    [SetsRequiredMembers]
    internal ProcElfSegment(ElfSegment segment, MappedImage image)
        : base(segment)
    {
        _process = image.Maps[0].Process;
        Address = MemoryBytes == 0 ? null : unchecked(VirtualAddress + image.LoadBias);
    }

    /// <inheritdoc cref="ProcElfHeader.ProcessId"/>
    public int ProcessId => _process.ProcessId;

    /// <inheritdoc cref="ProcElfHeader.ProcessName"/>
    public string ProcessName => _process.Name;

    /// <inheritdoc cref="ProcElfHeader.ProcessStartTicks"/>
    public ulong ProcessStartTicks => _process.StartTicks;

    /// <inheritdoc cref="ProcElfHeader.CorePath"/>
    public string? CorePath => _process.CorePath;

    /// <summary>Address in the process; null where the segment has no memory.</summary>
    public ulong? Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string? AddressHex => HexText.Of(Address);

    /// <summary>Its bytes in memory.</summary>
    public ulong Length => MemoryBytes;
}

/// <summary>A section of an ELF image that a process has mapped.</summary>
public sealed record ProcElfSection : ElfSection
{
    private readonly ProcessIdentity _process;

    [SetsRequiredMembers]
    internal ProcElfSection(ElfSection section, MappedImage image)
        : base(section)
    {
        _process = image.Maps[0].Process;
        Address = Covers(VirtualAddress) ? unchecked(VirtualAddress + image.LoadBias) : null;
    }

    /// <inheritdoc cref="ProcElfHeader.ProcessId"/>
    public int ProcessId => _process.ProcessId;

    /// <inheritdoc cref="ProcElfHeader.ProcessName"/>
    public string ProcessName => _process.Name;

    /// <inheritdoc cref="ProcElfHeader.ProcessStartTicks"/>
    public ulong ProcessStartTicks => _process.StartTicks;

    /// <inheritdoc cref="ProcElfHeader.CorePath"/>
    public string? CorePath => _process.CorePath;

    /// <summary>
    /// Address in the process; null where the section is not loaded, or each thread has its own copy.
    /// </summary>
    public ulong? Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string? AddressHex => HexText.Of(Address);
}

/// <summary>A symbol of an ELF image that a process has mapped.</summary>
public sealed record ProcElfSymbol : ElfSymbol
{
    private readonly ProcessIdentity _process;

    [SetsRequiredMembers]
    internal ProcElfSymbol(ElfSymbol symbol, MappedImage image)
        : base(symbol)
    {
        _process = image.Maps[0].Process;
        bool hasAddress = HasSection && Type is not (ElfSymbolType.Tls or ElfSymbolType.File);
        Address = hasAddress ? unchecked(Value + image.LoadBias) : null;
    }

    /// <inheritdoc cref="ProcElfHeader.ProcessId"/>
    public int ProcessId => _process.ProcessId;

    /// <inheritdoc cref="ProcElfHeader.ProcessName"/>
    public string ProcessName => _process.Name;

    /// <inheritdoc cref="ProcElfHeader.ProcessStartTicks"/>
    public ulong ProcessStartTicks => _process.StartTicks;

    /// <inheritdoc cref="ProcElfHeader.CorePath"/>
    public string? CorePath => _process.CorePath;

    /// <summary>
    /// Address in the process; null where the symbol comes from another file, is not an address, or each thread has its
    /// own copy.
    /// </summary>
    public ulong? Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string? AddressHex => HexText.Of(Address);
}

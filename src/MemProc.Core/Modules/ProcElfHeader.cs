using System.Diagnostics.CodeAnalysis;

namespace MemProc;

/// <summary>The header of an ELF image that a process has loaded.</summary>
public sealed record ProcElfHeader : ElfHeader
{
    [SetsRequiredMembers]
    internal ProcElfHeader(ElfHeader header, ProcElfImage image)
        : base(header)
    {
        ProcessId = image.Process.ProcessId;
        ProcessName = image.Process.Name;
        ProcessStartTicks = image.Process.StartTicks;
        LoadBias = image.LoadBias;
        Address = image.Maps[0].Start;
        EntryAddress = EntryPoint == 0 ? null : image.AddressOf(EntryPoint);
    }

    /// <summary>The process id.</summary>
    public int ProcessId { get; }

    /// <summary>The process' name.</summary>
    public string ProcessName { get; }

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks { get; }

    /// <summary>Start of its first mapping.</summary>
    public ulong Address { get; }

    /// <summary>
    /// What is to be added, modulo 2^64, to an address of the image; null where it is mapped but not loaded.
    /// </summary>
    public ulong? LoadBias { get; }

    /// <summary>Where in the process execution of it begins; null where nowhere.</summary>
    public ulong? EntryAddress { get; }
}

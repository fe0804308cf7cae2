using System.Diagnostics.CodeAnalysis;

namespace MemProc;

/// <summary>A program header of an ELF image that a process has loaded.</summary>
public sealed record ProcElfSegment : ElfSegment
{
    [SetsRequiredMembers]
    internal ProcElfSegment(ElfSegment segment, ProcElfImage image)
        : base(segment)
    {
        ProcessId = image.Process.ProcessId;
        ProcessName = image.Process.Name;
        ProcessStartTicks = image.Process.StartTicks;
        Address = MemoryBytes == 0 ? null : image.AddressOf(VirtualAddress);
    }

    /// <inheritdoc cref="ProcElfHeader.ProcessId"/>
    public int ProcessId { get; }

    /// <inheritdoc cref="ProcElfHeader.ProcessName"/>
    public string ProcessName { get; }

    /// <inheritdoc cref="ProcElfHeader.ProcessStartTicks"/>
    public ulong ProcessStartTicks { get; }

    /// <summary>Where in the process it is; null where it takes no memory.</summary>
    public ulong? Address { get; }

    /// <summary>Its bytes in memory.</summary>
    public ulong Length => MemoryBytes;
}

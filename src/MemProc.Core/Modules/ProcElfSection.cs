using System.Diagnostics.CodeAnalysis;

namespace MemProc;

/// <summary>A section of an ELF image that a process has loaded.</summary>
public sealed record ProcElfSection : ElfSection
{
    [SetsRequiredMembers]
    internal ProcElfSection(ElfSection section, ProcElfImage image)
        : base(section)
    {
        ProcessId = image.Process.ProcessId;
        ProcessName = image.Process.Name;
        ProcessStartTicks = image.Process.StartTicks;
        Address = Covers(VirtualAddress) ? image.AddressOf(VirtualAddress) : null;
    }

    /// <inheritdoc cref="ProcElfHeader.ProcessId"/>
    public int ProcessId { get; }

    /// <inheritdoc cref="ProcElfHeader.ProcessName"/>
    public string ProcessName { get; }

    /// <inheritdoc cref="ProcElfHeader.ProcessStartTicks"/>
    public ulong ProcessStartTicks { get; }

    /// <summary>Where in the process it is; null where it is not loaded, or each thread has its own.</summary>
    public ulong? Address { get; }
}

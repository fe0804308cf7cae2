using System.Diagnostics.CodeAnalysis;

namespace MemProc;

/// <summary>A symbol of an ELF image that a process has loaded.</summary>
public sealed record ProcElfSymbol : ElfSymbol
{
    private const uint FirstReservedSection = 0xff00;
    private const uint LastReservedSection = 0xffff;

    [SetsRequiredMembers]
    internal ProcElfSymbol(ElfSymbol symbol, ProcElfImage image)
        : base(symbol)
    {
        ProcessId = image.Process.ProcessId;
        ProcessName = image.Process.Name;
        ProcessStartTicks = image.Process.StartTicks;
        bool isPlace = !IsUndefined && SectionIndex is < FirstReservedSection or > LastReservedSection
            && Type is not (ElfSymbolType.Tls or ElfSymbolType.File);
        Address = isPlace ? image.AddressOf(Value) : null;
    }

    /// <inheritdoc cref="ProcElfHeader.ProcessId"/>
    public int ProcessId { get; }

    /// <inheritdoc cref="ProcElfHeader.ProcessName"/>
    public string ProcessName { get; }

    /// <inheritdoc cref="ProcElfHeader.ProcessStartTicks"/>
    public ulong ProcessStartTicks { get; }

    /// <summary>
    /// Where in the process it is; null where it comes from another file, is a plain number, or is each thread's own.
    /// </summary>
    public ulong? Address { get; }
}

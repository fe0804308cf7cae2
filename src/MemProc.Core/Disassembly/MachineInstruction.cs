using System.Text.Json.Serialization;

namespace MemProc;

/// <summary>A disassembled instruction.</summary>
public abstract class MachineInstruction
{
    private readonly CodePlace _place;

    private protected MachineInstruction(in InstructionFields fields)
    {
        Address = fields.Address;
        Bytes = fields.Bytes;
        Prefix = fields.Prefix;
        Mnemonic = fields.Mnemonic;
        Operands = fields.Operands;
        FlowControl = fields.FlowControl;
        Target = fields.Target;
        TargetSymbol = fields.TargetSymbol;
        _place = fields.Place;
    }

    /// <summary>Its address: in the process, or in the image for an ELF file.</summary>
    public ulong Address { get; }

    /// <summary>Length in bytes, 1 to 15.</summary>
    public ulong Length => (ulong)Bytes.Length;

    /// <summary>Its bytes.</summary>
    public byte[] Bytes { get; }

    /// <summary>Prefixes that have an effect: <c>lock</c>, <c>rep</c>; empty where there is none.</summary>
    public string Prefix { get; }

    /// <summary>Name of the instruction: <c>mov</c>; <c>(bad)</c> where the bytes are not an instruction.</summary>
    public string Mnemonic { get; }

    /// <summary>The operands, separated by commas; empty where there is none.</summary>
    public string Operands { get; }

    /// <summary>Prefixes, mnemonic and operands.</summary>
    public string Text => Operands.Length > 0 ? $"{Name} {Operands}" : Name;

    /// <summary>Where execution continues after the instruction.</summary>
    public InstructionFlow FlowControl { get; }

    /// <summary>
    /// The address that it jumps to, calls, or accesses, where the instruction alone determines it; else null.
    /// </summary>
    public ulong? Target { get; }

    /// <summary>
    /// The symbol at <see cref="Target"/>, for a reader: <c>malloc+0x10</c>, in processes <c>libc.so.6!malloc</c>, C++
    /// names demangled; null where there is none.
    /// </summary>
    public string? TargetSymbol { get; }

    /// <summary>The symbol that holds it, as stored; null where there is none.</summary>
    public string? Symbol => _place.Symbol?.Name;

    /// <summary>The demangled C++ name of the symbol; null where it is not a C++ name.</summary>
    public string? DemangledSymbol => _place.Symbol?.Demangled;

    /// <summary>Bytes from the start of the symbol.</summary>
    public ulong? SymbolOffset => _place.Symbol is null ? null : Address - _place.SymbolStart;

    /// <summary>Its ELF section; null where there is none, or the image has no section headers.</summary>
    public string? Section => _place.Section?.Name;

    /// <summary>Path of the file, or name of the mapping; empty in anonymous memory.</summary>
    public string Path => _place.Path;

    private protected CodePlace Place => _place;

    private string Name => Prefix.Length > 0 ? $"{Prefix} {Mnemonic}" : Mnemonic;

    /// <summary>Address and text.</summary>
    public sealed override string ToString() => $"0x{Address:x} {Text}";
}

/// <summary>An instruction in an ELF file.</summary>
public sealed class ElfInstruction : MachineInstruction
{
    internal ElfInstruction(in InstructionFields fields)
        : base(fields)
    {
    }

    /// <summary>Name of the member, where <c>Path</c> is an archive; otherwise null.</summary>
    public string? Member => Place.Member;
}

/// <summary>An instruction in the memory of a process.</summary>
public sealed class ProcInstruction : MachineInstruction
{
    private readonly ProcessIdentity _process;

    internal ProcInstruction(ProcessIdentity process, in InstructionFields fields)
        : base(fields) => _process = process;

    /// <summary>Name of the mapped file, or <c>[vdso]</c>; null where there is none.</summary>
    public string? Module => Place.Module;

    /// <summary>The process id.</summary>
    public int ProcessId => _process.ProcessId;

    /// <summary>The name of the process.</summary>
    public string ProcessName => _process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it identifies one process.</summary>
    public ulong ProcessStartTicks => _process.StartTicks;

    /// <inheritdoc cref="ProcessOutput.CorePath"/>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? CorePath => _process.CorePath;
}

/// <summary>Where execution continues after an instruction.</summary>
public enum InstructionFlow
{
    /// <summary>With the next instruction.</summary>
    Next,
    /// <summary>At the target.</summary>
    Jump,
    /// <summary>At the target, or with the next instruction.</summary>
    ConditionalJump,
    /// <summary>At an address in a register or in memory.</summary>
    IndirectJump,
    /// <summary>At the target, and later with the next instruction.</summary>
    Call,
    /// <summary>At an address in a register or in memory, and later with the next instruction.</summary>
    IndirectCall,
    /// <summary>At the caller.</summary>
    Return,
    /// <summary>In the kernel, by a system call.</summary>
    SystemCall,
    /// <summary>In a handler of an interrupt.</summary>
    Interrupt,
    /// <summary>In a handler of a fault: the bytes are not an instruction, or one that faults.</summary>
    Fault,
    /// <summary>At the target if the transaction aborts, else with the next instruction.</summary>
    Transaction,
}

/// <summary>How instructions are written.</summary>
public enum AssemblySyntax
{
    /// <summary>As gdb and objdump write them: source first, <c>mov %rsp,%rbp</c>.</summary>
    Att,
    /// <summary>As the manuals of Intel and AMD write them: destination first, <c>mov rbp,rsp</c>.</summary>
    Intel,
}

/// <summary>What an instruction is made of.</summary>
internal readonly record struct InstructionFields(
    ulong Address, byte[] Bytes, string Prefix, string Mnemonic, string Operands, InstructionFlow FlowControl,
    ulong? Target, string? TargetSymbol, CodePlace Place);

/// <summary>What the instructions of one symbol have in common.</summary>
/// <param name="Path">Path of the file, or name of the mapping; empty in anonymous memory.</param>
/// <param name="Member">Name of the member of an archive; null where there is none.</param>
/// <param name="Module">Name of the file in a process; null where there is none.</param>
/// <param name="Section">The section; null where there is none.</param>
/// <param name="Symbol">The symbol; null where there is none.</param>
/// <param name="SymbolStart">The first address of the symbol.</param>
internal sealed record CodePlace(
    string Path, string? Member, string? Module, ElfSection? Section, ResolvedSymbol? Symbol, ulong? SymbolStart)
{
    /// <summary>The name of an address at this place, for a reader; null where there is no symbol.</summary>
    public string? NameOf(ulong address) => Symbol is null || SymbolStart is not ulong start ? null
        : (Module is null || Symbol.Origin == SymbolOrigin.PerfMap ? string.Empty : $"{Module}!")
            + (Symbol.Demangled ?? Symbol.Name) + (address == start ? string.Empty : $"+0x{address - start:x}");

    /// <summary>Whether it is the same symbol, or the same place without one.</summary>
    public bool IsSameAs(CodePlace other) => ReferenceEquals(Symbol, other.Symbol)
        && Section?.Index == other.Section?.Index && SymbolStart == other.SymbolStart && Path == other.Path;
}

using Iced.Intel;
using MemProc.Interop;

namespace MemProc;

/// <summary>How code is disassembled.</summary>
/// <param name="Syntax">How instructions are written.</param>
/// <param name="Bits">16, 32 or 64: the kind of code; null: that of the file or of the process.</param>
public sealed record DisassemblyOptions(AssemblySyntax Syntax = AssemblySyntax.Att, int? Bits = null);

/// <summary>Decodes, names and formats instructions of one kind of code.</summary>
/// <param name="syntax">How instructions are written.</param>
/// <param name="bits">16, 32 or 64.</param>
/// <param name="placeOf">Finds what an address belongs to.</param>
internal sealed class InstructionReader(AssemblySyntax syntax, int bits, Func<ulong, CodePlace> placeOf)
{
    private readonly InstructionDecoder _decoder = new(bits);
    private readonly InstructionFormatter _formatter = new(syntax, bits);
    private CodePlace? _place;

    /// <summary>Returns the bits of the code of an architecture.</summary>
    /// <param name="machine">The architecture.</param>
    /// <param name="what">What has such code, for the error.</param>
    /// <exception cref="MemProcException">Disassemble, EOPNOTSUPP: instructions of that architecture cannot be decoded.</exception>
    public static int BitsOf(ElfMachine machine, string what) => machine switch
    {
        ElfMachine.X64 => 64,
        ElfMachine.X86 or ElfMachine.IntelMcu => 32,
        _ => throw Unsupported(machine.ToString(), what),
    };

    /// <summary>Creates the exception for code of another architecture.</summary>
    public static MemProcException Unsupported(string machine, string what) => new(Operation.Disassemble, Errno.EOPNOTSUPP,
        $"{what}: instructions of {machine} cannot be disassembled, only those of x86 and x86-64.", what);

    /// <summary>Reads the instructions that begin in a range.</summary>
    /// <param name="pieces">The code, to some bytes after the range.</param>
    /// <param name="end">First address after the range.</param>
    public IEnumerable<InstructionFields> Read(IEnumerable<CodePiece> pieces, ulong end)
    {
        foreach (DecodedInstruction decoded in _decoder.Decode(pieces, end))
        {
            yield return Describe(decoded);
        }
    }

    private InstructionFields Describe(in DecodedInstruction decoded)
    {
        Instruction instruction = decoded.Instruction;
        ulong? target = TargetOf(instruction);
        CodePlace place = placeOf(decoded.Address);
        _place = _place is not null && place.IsSameAs(_place) ? _place : place;
        return new InstructionFields(decoded.Address, decoded.Bytes.ToArray(), _formatter.Prefix(instruction),
            _formatter.Name(instruction), _formatter.Operands(instruction), FlowOf(instruction), target,
            target is ulong known ? placeOf(known).NameOf(known) : null, _place);
    }

    /// <summary>The address that a branch goes to, or that an operand without registers is at.</summary>
    public static ulong? TargetOf(in Instruction instruction)
    {
        if (instruction.IsInvalid)
        {
            return null;
        }

        for (int index = 0; index < instruction.OpCount; index++)
        {
            switch (instruction.GetOpKind(index))
            {
                case OpKind.NearBranch16 or OpKind.NearBranch32 or OpKind.NearBranch64:
                    return instruction.NearBranchTarget;
                case OpKind.Memory when instruction.IsIPRelativeMemoryOperand:
                    return instruction.IPRelativeMemoryAddress;
                // FS and GS have a base that only the thread knows.
                case OpKind.Memory when instruction is { MemoryBase: Register.None, MemoryIndex: Register.None }
                    && instruction.MemorySegment is not (Register.FS or Register.GS):
                    return instruction.MemoryDisplacement64;
            }
        }

        return null;
    }

    private static InstructionFlow FlowOf(in Instruction instruction) => instruction.FlowControl switch
    {
        _ when instruction.IsInvalid => InstructionFlow.Fault,
        _ when instruction.Mnemonic is Mnemonic.Syscall or Mnemonic.Sysenter => InstructionFlow.SystemCall,
        _ when instruction is { Mnemonic: Mnemonic.Int, Immediate8: 0x80 } => InstructionFlow.SystemCall,
        FlowControl.UnconditionalBranch => InstructionFlow.Jump,
        FlowControl.ConditionalBranch => InstructionFlow.ConditionalJump,
        FlowControl.IndirectBranch => InstructionFlow.IndirectJump,
        FlowControl.Call => InstructionFlow.Call,
        FlowControl.IndirectCall => InstructionFlow.IndirectCall,
        FlowControl.Return => InstructionFlow.Return,
        FlowControl.Interrupt => InstructionFlow.Interrupt,
        FlowControl.XbeginXabortXend => InstructionFlow.Transaction,
        FlowControl.Exception => InstructionFlow.Fault,
        _ => InstructionFlow.Next,
    };
}

using Iced.Intel;

namespace MemProc;

/// <summary>What an instruction does with memory.</summary>
public enum InstructionAccess
{
    /// <summary>It reads memory.</summary>
    Read,
    /// <summary>It writes memory.</summary>
    Write,
    /// <summary>It reads and writes memory.</summary>
    ReadWrite,
}

/// <summary>
/// Finds the instruction that has just accessed memory. A processor reports an access after the instruction, so that the
/// instruction pointer is that of the next one, and instructions have different lengths.
/// </summary>
internal static class InstructionLocator
{
    /// <summary>Bytes before an address from which decoding finds its way to the boundaries of instructions.</summary>
    public const int LookBehind = 128;

    /// <summary>Finds the instruction.</summary>
    /// <param name="code">The code around the instruction pointer.</param>
    /// <param name="start">Address of its first byte.</param>
    /// <param name="isBoundary">An instruction begins at the first byte.</param>
    /// <param name="pointer">The instruction pointer.</param>
    /// <param name="bits">16, 32 or 64.</param>
    /// <returns>
    /// Null where none is certain: an instruction before the pointer that accesses no memory, as after a call, which
    /// writes its return address and continues elsewhere.
    /// </returns>
    public static (ulong Address, InstructionAccess Access)? Find(
        ReadOnlyMemory<byte> code, ulong start, bool isBoundary, ulong pointer, int bits)
    {
        // Where no boundary is known, decoding usually finds one after a few instructions, whatever it begins with.
        for (int skip = 0; skip < (isBoundary ? 1 : InstructionDecoder.MaxBytes) && start + (ulong)skip < pointer; skip++)
        {
            if (EndingAt(code[skip..], start + (ulong)skip, pointer, bits) is { } found)
            {
                return AccessOf(found.Instruction) is InstructionAccess access && Continues(found.Instruction)
                    ? (found.Address, access)
                    : Repeated(code, start, pointer, bits);
            }
        }

        return Repeated(code, start, pointer, bits);
    }

    private static DecodedInstruction? EndingAt(ReadOnlyMemory<byte> code, ulong start, ulong pointer, int bits)
    {
        int length = (int)Math.Min((ulong)code.Length, pointer - start);
        foreach (DecodedInstruction decoded in new InstructionDecoder(bits).Decode([new CodePiece(start, code[..length])], pointer))
        {
            if (!decoded.Instruction.IsInvalid && decoded.Address + (ulong)decoded.Instruction.Length == pointer)
            {
                return decoded;
            }
        }

        return null;
    }

    /// <summary>Returns the instruction at the pointer where that repeats itself: it is reported after each round.</summary>
    private static (ulong Address, InstructionAccess Access)? Repeated(
        ReadOnlyMemory<byte> code, ulong start, ulong pointer, int bits)
    {
        if (pointer - start >= (ulong)code.Length)
        {
            return null;
        }

        foreach (DecodedInstruction decoded in new InstructionDecoder(bits).Decode(
            [new CodePiece(pointer, code[(int)(pointer - start)..])], pointer + 1))
        {
            Instruction instruction = decoded.Instruction;
            return instruction.IsStringInstruction && (instruction.HasRepPrefix || instruction.HasRepnePrefix)
                && AccessOf(instruction) is InstructionAccess access ? (pointer, access) : null;
        }

        return null;
    }

    /// <summary>Whether the next instruction follows in memory: a call or jump has continued elsewhere.</summary>
    private static bool Continues(in Instruction instruction) =>
        instruction.FlowControl is FlowControl.Next or FlowControl.XbeginXabortXend;

    private static InstructionAccess? AccessOf(in Instruction instruction)
    {
        bool reads = false, writes = false;
        foreach (UsedMemory memory in new InstructionInfoFactory().GetInfo(instruction).GetUsedMemory())
        {
            reads |= memory.Access is OpAccess.Read or OpAccess.CondRead or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
            writes |= memory.Access is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
        }

        return (reads, writes) switch
        {
            (true, true) => InstructionAccess.ReadWrite,
            (true, false) => InstructionAccess.Read,
            (false, true) => InstructionAccess.Write,
            _ => null,
        };
    }
}

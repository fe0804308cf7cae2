using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>
/// The general registers of a thread by the names that debuggers use, from the kernel's layout
/// (<c>struct user_regs_struct</c>, the register set NT_PRSTATUS).
/// </summary>
internal static class ThreadRegisters
{
    private static readonly string[] X64 =
    [
        "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax",
        "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
    ];

    private static readonly string[] X86 =
    [
        "ebx", "ecx", "edx", "esi", "edi", "ebp", "eax", "ds", "es", "fs", "gs", "orig_eax", "eip", "cs", "eflags", "esp",
        "ss",
    ];

    private static readonly string[] Arm64 = [.. Enumerable.Range(0, 31).Select(number => $"x{number}"), "sp", "pc", "cpsr"];

    private static readonly string[] Arm =
        [.. Enumerable.Range(0, 13).Select(number => $"r{number}"), "sp", "lr", "pc", "cpsr", "orig_r0"];

    /// <summary>Returns the registers in the order of the names; null where the layout is not known.</summary>
    /// <param name="machine">The processor that the program is for.</param>
    /// <param name="bytes">The register set; there can be more after it.</param>
    /// <param name="isBigEndian">The byte order.</param>
    public static OutputTable<string>? Read(ElfMachine machine, ReadOnlySpan<byte> bytes, bool isBigEndian = false)
    {
        (string[] names, int size) = machine switch
        {
            ElfMachine.X64 => (X64, 8),
            ElfMachine.X86 => (X86, 4),
            ElfMachine.Arm64 => (Arm64, 8),
            ElfMachine.Arm => (Arm, 4),
            _ => ([], 8),
        };
        if (isBigEndian || names.Length == 0 || bytes.Length < names.Length * size)
        {
            return null;
        }

        OrderedDictionary<string, ulong> registers = new(names.Length, StringComparer.OrdinalIgnoreCase);
        for (int index = 0; index < names.Length; index++)
        {
            ReadOnlySpan<byte> word = bytes[(index * size)..];
            registers[names[index]] = size == 8
                ? BinaryPrimitives.ReadUInt64LittleEndian(word)
                : BinaryPrimitives.ReadUInt32LittleEndian(word);
        }

        return new OutputTable<string>(registers, inHex: true);
    }

    /// <summary>Returns the processor of a thread of this machine, by the length of its register set.</summary>
    public static ElfMachine MachineOf(int length) => (RuntimeInformation.ProcessArchitecture, length) switch
    {
        (Architecture.X64, 27 * 8) => ElfMachine.X64,
        (Architecture.X64, 17 * 4) => ElfMachine.X86,
        (Architecture.Arm64, 34 * 8) => ElfMachine.Arm64,
        (Architecture.Arm64, 18 * 4) => ElfMachine.Arm,
        _ => ElfMachine.None,
    };

    /// <summary>Returns the register that points to the next instruction; null where there is none.</summary>
    public static ulong? InstructionPointer(IReadOnlyDictionary<string, ulong>? registers) =>
        First(registers, "rip", "eip", "pc");

    /// <summary>Returns the register that points to the stack; null where there is none.</summary>
    public static ulong? StackPointer(IReadOnlyDictionary<string, ulong>? registers) => First(registers, "rsp", "esp", "sp");

    private static ulong? First(IReadOnlyDictionary<string, ulong>? registers, params string[] names)
    {
        foreach (string name in names)
        {
            if (registers?.TryGetValue(name, out ulong value) == true)
            {
                return value;
            }
        }

        return null;
    }
}

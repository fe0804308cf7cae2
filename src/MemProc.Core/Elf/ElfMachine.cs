namespace MemProc;

/// <summary>
/// Processor architectures that Linux runs on (<c>EM_*</c> of <c>include/uapi/linux/elf-em.h</c>). Other values stay
/// numbers.
/// </summary>
public enum ElfMachine : ushort
{
    /// <summary>None.</summary>
    None = 0,
    /// <summary>SPARC.</summary>
    Sparc = 2,
    /// <summary>x86, 32 bits.</summary>
    X86 = 3,
    /// <summary>Motorola 68000.</summary>
    M68k = 4,
    /// <summary>MIPS.</summary>
    Mips = 8,
    /// <summary>HP PA-RISC.</summary>
    PaRisc = 15,
    /// <summary>PowerPC, 32 bits.</summary>
    PowerPC = 20,
    /// <summary>PowerPC, 64 bits.</summary>
    PowerPC64 = 21,
    /// <summary>IBM Z.</summary>
    S390 = 22,
    /// <summary>ARM, 32 bits.</summary>
    Arm = 40,
    /// <summary>SuperH.</summary>
    SuperH = 42,
    /// <summary>SPARC, 64 bits.</summary>
    SparcV9 = 43,
    /// <summary>x86, 64 bits.</summary>
    X64 = 62,
    /// <summary>ARM, 64 bits.</summary>
    Arm64 = 183,
    /// <summary>RISC-V.</summary>
    RiscV = 243,
    /// <summary>BPF.</summary>
    Bpf = 247,
    /// <summary>LoongArch.</summary>
    LoongArch = 258,
}

namespace MemProc;

/// <summary>
/// Processor architectures (<c>EM_*</c> of <c>include/uapi/linux/elf-em.h</c> and of the System V ABI). Other values stay
/// numbers.
/// </summary>
public enum ElfMachine : ushort
{
    /// <summary>None.</summary>
    None = 0,
    /// <summary>AT&amp;T WE 32100.</summary>
    M32 = 1,
    /// <summary>SPARC.</summary>
    Sparc = 2,
    /// <summary>x86, 32 bits.</summary>
    X86 = 3,
    /// <summary>Motorola 68000.</summary>
    M68k = 4,
    /// <summary>Motorola 88000.</summary>
    M88k = 5,
    /// <summary>Intel MCU.</summary>
    IntelMcu = 6,
    /// <summary>Intel 80860.</summary>
    I860 = 7,
    /// <summary>MIPS.</summary>
    Mips = 8,
    /// <summary>IBM System/370.</summary>
    S370 = 9,
    /// <summary>MIPS R3000, little endian.</summary>
    MipsR3000LittleEndian = 10,
    /// <summary>HP PA-RISC.</summary>
    PaRisc = 15,
    /// <summary>SPARC with 32-bit addresses and instructions of SPARC V9.</summary>
    Sparc32Plus = 18,
    /// <summary>Intel 80960.</summary>
    I960 = 19,
    /// <summary>PowerPC, 32 bits.</summary>
    PowerPC = 20,
    /// <summary>PowerPC, 64 bits.</summary>
    PowerPC64 = 21,
    /// <summary>IBM Z.</summary>
    S390 = 22,
    /// <summary>The SPU of Cell.</summary>
    Spu = 23,
    /// <summary>NEC V800.</summary>
    V800 = 36,
    /// <summary>Fujitsu FR20.</summary>
    FR20 = 37,
    /// <summary>TRW RH-32.</summary>
    RH32 = 38,
    /// <summary>ARM, 32 bits.</summary>
    Arm = 40,
    /// <summary>Digital Alpha, the official number.</summary>
    FakeAlpha = 41,
    /// <summary>SuperH.</summary>
    SuperH = 42,
    /// <summary>SPARC, 64 bits.</summary>
    SparcV9 = 43,
    /// <summary>Siemens TriCore.</summary>
    TriCore = 44,
    /// <summary>Argonaut RISC Core.</summary>
    Arc = 45,
    /// <summary>Renesas H8/300.</summary>
    H8300 = 46,
    /// <summary>Intel Itanium.</summary>
    IA64 = 50,
    /// <summary>Motorola ColdFire.</summary>
    ColdFire = 52,
    /// <summary>Motorola 68HC12.</summary>
    M68HC12 = 53,
    /// <summary>x86, 64 bits.</summary>
    X64 = 62,
    /// <summary>Motorola 68HC11.</summary>
    M68HC11 = 70,
    /// <summary>Digital VAX.</summary>
    Vax = 75,
    /// <summary>Axis CRIS.</summary>
    Cris = 76,
    /// <summary>Knuth's MMIX.</summary>
    Mmix = 80,
    /// <summary>Atmel AVR.</summary>
    Avr = 83,
    /// <summary>Fujitsu FR30.</summary>
    FR30 = 84,
    /// <summary>Renesas V850.</summary>
    V850 = 87,
    /// <summary>Renesas M32R.</summary>
    M32R = 88,
    /// <summary>Panasonic MN10300.</summary>
    MN10300 = 89,
    /// <summary>OpenRISC.</summary>
    OpenRisc = 92,
    /// <summary>ARC with compact instructions.</summary>
    ArcCompact = 93,
    /// <summary>Tensilica Xtensa.</summary>
    Xtensa = 94,
    /// <summary>Texas Instruments MSP430.</summary>
    Msp430 = 105,
    /// <summary>Analog Devices Blackfin.</summary>
    Blackfin = 106,
    /// <summary>Altera Nios II.</summary>
    NiosII = 113,
    /// <summary>Renesas M32C.</summary>
    M32C = 120,
    /// <summary>Texas Instruments TMS320C6000.</summary>
    TiC6000 = 140,
    /// <summary>Texas Instruments programmable realtime unit.</summary>
    TiPru = 144,
    /// <summary>Qualcomm Hexagon.</summary>
    Hexagon = 164,
    /// <summary>Renesas RX.</summary>
    RX = 173,
    /// <summary>Intel L1OM.</summary>
    IntelL1 = 180,
    /// <summary>Intel K1OM.</summary>
    IntelK1 = 181,
    /// <summary>ARM, 64 bits.</summary>
    Arm64 = 183,
    /// <summary>Atmel AVR32.</summary>
    Avr32 = 185,
    /// <summary>Tilera TILEPro.</summary>
    TilePro = 187,
    /// <summary>Xilinx MicroBlaze.</summary>
    MicroBlaze = 189,
    /// <summary>NVIDIA CUDA.</summary>
    Cuda = 190,
    /// <summary>Tilera TILE-Gx.</summary>
    TileGx = 191,
    /// <summary>ARC v2.</summary>
    ArcCompact2 = 195,
    /// <summary>Renesas RL78.</summary>
    RL78 = 197,
    /// <summary>Renesas R32C.</summary>
    R32C = 204,
    /// <summary>Zilog Z80.</summary>
    Z80 = 220,
    /// <summary>FTDI FT32.</summary>
    Ft32 = 222,
    /// <summary>Moxie.</summary>
    Moxie = 223,
    /// <summary>AMD GPU.</summary>
    AmdGpu = 224,
    /// <summary>RISC-V.</summary>
    RiscV = 243,
    /// <summary>Lanai.</summary>
    Lanai = 244,
    /// <summary>BPF.</summary>
    Bpf = 247,
    /// <summary>Netronome flow processor.</summary>
    Nfp = 250,
    /// <summary>NEC Vector Engine.</summary>
    VectorEngine = 251,
    /// <summary>C-SKY.</summary>
    CSky = 252,
    /// <summary>LoongArch.</summary>
    LoongArch = 258,
    /// <summary>Digital Alpha.</summary>
    Alpha = 0x9026,
    /// <summary>NEC V850, an older number.</summary>
    CygnusV850 = 0x9080,
    /// <summary>IBM Z, an older number.</summary>
    OldS390 = 0xa390,
}

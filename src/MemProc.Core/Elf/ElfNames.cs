namespace MemProc;

/// <summary>The processor and the operating system of a file. The meaning of some numbers depends on them.</summary>
/// <param name="Machine">Processor architecture.</param>
/// <param name="OsAbi">Operating system ABI.</param>
internal readonly record struct ElfTarget(ElfMachine Machine, byte OsAbi)
{
    /// <summary>ELFOSABI_NONE: no extensions of an operating system.</summary>
    public bool IsPlain => OsAbi == 0;

    /// <summary>ELFOSABI_GNU and ELFOSABI_FREEBSD: the extensions of GNU.</summary>
    public bool HasGnuExtensions => OsAbi is 3 or 9;

    /// <summary>x86 with 64 bits, and the coprocessors with its format.</summary>
    public bool IsX64 => Machine is ElfMachine.X64 or ElfMachine.IntelL1 or ElfMachine.IntelK1;
}

/// <summary>Names as readelf prints them; values without a name are printed as numbers.</summary>
internal static class ElfNames
{
    private const uint FirstOfProcessor = 0x7000_0000;

    /// <summary>The section types of MIPS, from SHT_LOPROC on.</summary>
    private static readonly string[] MipsSectionTypes =
    [
        "LIBLIST", "MSYM", "CONFLICT", "GPTAB", "UCODE", "DEBUG", "REGINFO", "PACKAGE", "PACKSYM", "RELD", "", "IFACE",
        "CONTENT", "OPTIONS", "", "", "SHDR", "FDESC", "EXTSYM", "DENSE", "PDESC", "LOCSYM", "AUXSYM", "OPTSYM",
        "LOCSTR", "LINE", "RFDESC", "DELTASYM", "DELTAINST", "DELTACLASS", "DWARF", "DELTADECL", "SYMBOL_LIB", "EVENTS", "TRANSLATE", "PIXIE",
        "XLATE", "XLATE_DEBUG", "WHIRL", "EH_REGION", "XLATE_OLD", "PDR_EXCEPTION", "ABIFLAGS", "XHASH",
    ];

    /// <summary>The name of <c>SHT_*</c>.</summary>
    public static string Of(ElfSectionType type, ElfTarget target) => type switch
    {
        ElfSectionType.Null => "NULL",
        ElfSectionType.ProgramBits => "PROGBITS",
        ElfSectionType.SymbolTable => "SYMTAB",
        ElfSectionType.StringTable => "STRTAB",
        ElfSectionType.RelocationsWithAddends => "RELA",
        ElfSectionType.Hash => "HASH",
        ElfSectionType.Dynamic => "DYNAMIC",
        ElfSectionType.Note => "NOTE",
        ElfSectionType.NoBits => "NOBITS",
        ElfSectionType.Relocations => "REL",
        ElfSectionType.SharedLibrary => "SHLIB",
        ElfSectionType.DynamicSymbols => "DYNSYM",
        ElfSectionType.InitArray => "INIT_ARRAY",
        ElfSectionType.FiniArray => "FINI_ARRAY",
        ElfSectionType.PreInitArray => "PREINIT_ARRAY",
        ElfSectionType.Group => "GROUP",
        ElfSectionType.SymbolSectionIndexes => "SYMTAB_SHNDX",
        ElfSectionType.RelativeRelocations => "RELR",
        ElfSectionType.GnuIncrementalInputs => "GNU_INCREMENTAL_INPUTS",
        ElfSectionType.GnuAttributes => "GNU_ATTRIBUTES",
        ElfSectionType.GnuHash => "GNU_HASH",
        ElfSectionType.GnuLibraryList => "GNU_LIBLIST",
        ElfSectionType.GnuVersionDefinitions or ElfSectionType.SunVersionDefinitions => "VERDEF",
        ElfSectionType.GnuVersionNeeds => "VERNEED",
        ElfSectionType.GnuVersions or ElfSectionType.SunVersions => "VERSYM",
        ElfSectionType.Auxiliary => "AUXILIARY",
        ElfSectionType.Filter => "FILTER",
        _ => OfProcessor((uint)type, target.Machine) ?? $"0x{(uint)type:x}",
    };

    /// <summary>The name of <c>PT_*</c>.</summary>
    public static string Of(ElfSegmentType type, ElfTarget target) => type switch
    {
        ElfSegmentType.Null => "NULL",
        ElfSegmentType.Load => "LOAD",
        ElfSegmentType.Dynamic => "DYNAMIC",
        ElfSegmentType.Interpreter => "INTERP",
        ElfSegmentType.Note => "NOTE",
        ElfSegmentType.SharedLibrary => "SHLIB",
        ElfSegmentType.ProgramHeaders => "PHDR",
        ElfSegmentType.Tls => "TLS",
        ElfSegmentType.GnuEhFrame => "GNU_EH_FRAME",
        ElfSegmentType.GnuStack => "GNU_STACK",
        ElfSegmentType.GnuRelRo => "GNU_RELRO",
        ElfSegmentType.GnuProperty => "GNU_PROPERTY",
        ElfSegmentType.GnuSFrame => "GNU_SFRAME",
        ElfSegmentType.OpenBsdRandom => "OPENBSD_RANDOMIZE",
        ElfSegmentType.OpenBsdWxNeeded => "OPENBSD_WXNEEDED",
        ElfSegmentType.OpenBsdBootData => "OPENBSD_BOOTDATA",
        _ => (target.Machine, (uint)type - FirstOfProcessor) switch
        {
            (ElfMachine.Mips or ElfMachine.MipsR3000LittleEndian, 0) => "REGINFO",
            (ElfMachine.Mips or ElfMachine.MipsR3000LittleEndian, 1) => "RTPROC",
            (ElfMachine.Mips or ElfMachine.MipsR3000LittleEndian, 2) => "OPTIONS",
            (ElfMachine.Mips or ElfMachine.MipsR3000LittleEndian, 3) => "ABIFLAGS",
            (ElfMachine.PaRisc, 0) => "PARISC_ARCHEXT",
            (ElfMachine.PaRisc, 1) => "PARISC_UNWIND",
            (ElfMachine.PaRisc, 2) => "PARISC_WEAKORDER",
            (ElfMachine.S390, 0) => "S390_PGSTE",
            (ElfMachine.Arm, 1) => "EXIDX",
            (ElfMachine.IA64, 0) => "IA_64_ARCHEXT",
            (ElfMachine.IA64, 1) => "IA_64_UNWIND",
            (ElfMachine.TiC6000, 0) => "C6000_PHATTR",
            (ElfMachine.Arm64, 0) => "AARCH64_ARCHEXT",
            (ElfMachine.Arm64, 2) => "AARCH64_MEMTAG_MTE",
            (ElfMachine.RiscV, 3) => "RISCV_ATTRIBUTES",
            _ => $"0x{(uint)type:x}",
        },
    };

    /// <summary>The name of <c>STT_*</c>.</summary>
    public static string Of(ElfSymbolType type, ElfTarget target) => type switch
    {
        ElfSymbolType.None => "NOTYPE",
        ElfSymbolType.Object => "OBJECT",
        ElfSymbolType.Function => "FUNC",
        ElfSymbolType.Section => "SECTION",
        ElfSymbolType.File => "FILE",
        ElfSymbolType.Common => "COMMON",
        ElfSymbolType.Tls => "TLS",
        ElfSymbolType.Expression => "RELC",
        ElfSymbolType.SignedExpression => "SRELC",
        ElfSymbolType.IndirectFunction when target.HasGnuExtensions => "IFUNC",
        _ => (target.Machine, (byte)type) switch
        {
            (ElfMachine.Arm, 13) => "THUMB_FUNC",
            (ElfMachine.SparcV9, 13) => "REGISTER",
            (ElfMachine.PaRisc, 11) => "HP_OPAQUE",
            (ElfMachine.PaRisc, 12) => "HP_STUB",
            (ElfMachine.PaRisc, 13) => "PARISC_MILLI",
            _ => $"{(byte)type}",
        },
    };

    /// <summary>The section index of a symbol: a number, or UND, ABS, COM, and what processors reserve.</summary>
    public static string OfIndex(uint section, ElfTarget target) => section switch
    {
        0 => "UND",
        0xfff1 => "ABS",
        0xfff2 => "COM",
        0xff02 when target.IsX64 => "LARGE_COM",
        0xff03 when target.Machine == ElfMachine.Mips => "SCOM",
        0xff04 when target.Machine == ElfMachine.Mips => "SUND",
        0xff00 when target.Machine == ElfMachine.TiC6000 => "SCOM",
        >= 0xff00 and <= 0xff1f => $"PRC[0x{section:x4}]",
        >= 0xff20 and <= 0xff3f => $"OS [0x{section:x4}]",
        >= 0xff40 and <= 0xffff => $"RSV[0x{section:x4}]",
        _ => $"{section}",
    };

    /// <summary>The name of <c>ELFOSABI_*</c>.</summary>
    public static string OfOsAbi(byte osAbi) => osAbi switch
    {
        0 => "System V",
        1 => "HP-UX",
        2 => "NetBSD",
        3 => "GNU",
        6 => "Solaris",
        7 => "AIX",
        8 => "IRIX",
        9 => "FreeBSD",
        10 => "TRU64",
        11 => "Novell Modesto",
        12 => "OpenBSD",
        13 => "OpenVMS",
        14 => "NonStop Kernel",
        15 => "AROS",
        16 => "FenixOS",
        17 => "CloudABI",
        18 => "OpenVOS",
        97 => "ARM",
        255 => "Standalone",
        _ => $"{osAbi}",
    };

    /// <summary>The letters of section flags, as readelf prints them: lowest bit first.</summary>
    public static string OfFlags(ulong flags, ElfTarget target)
    {
        const ulong OfSystem = 0x0ff0_0000, OfProcessor = 0xf000_0000;
        Span<char> letters = stackalloc char[64];
        int count = 0;
        for (ulong rest = flags; rest != 0;)
        {
            ulong flag = rest & (~rest + 1);
            char letter = flag switch
            {
                ElfSection.WriteFlag => 'W',
                ElfSection.AllocFlag => 'A',
                ElfSection.ExecuteFlag => 'X',
                0x10 => 'M',
                0x20 => 'S',
                0x40 => 'I',
                0x80 => 'L',
                0x100 => 'O',
                0x200 => 'G',
                ElfSection.ThreadLocalFlag => 'T',
                0x800 => 'C',
                0x20_0000 when target.HasGnuExtensions => 'R',
                0x100_0000 when target.IsPlain || target.HasGnuExtensions => 'D',
                0x1000_0000 when target.IsX64 => 'l',
                0x1000_0000 when target.Machine == ElfMachine.PowerPC => 'v',
                0x2000_0000 when target.Machine == ElfMachine.Arm => 'y',
                0x8000_0000 => 'E',
                _ when (flag & OfSystem) != 0 => 'o',
                _ when (flag & OfProcessor) != 0 => 'p',
                _ => 'x',
            };
            // Several flags without a letter of their own are one letter, unless a known one is between them.
            rest &= ~flag;
            if (letter is not ('o' or 'p') || count == 0 || letters[count - 1] != letter)
            {
                letters[count++] = letter;
            }
        }

        return letters[..count].ToString();
    }

    private static string? OfProcessor(uint type, ElfMachine machine)
    {
        const uint FirstOfSystem = 0x6000_0000;
        if (machine == ElfMachine.IA64 && type is >= FirstOfSystem and <= FirstOfSystem + 6)
        {
            return (type - FirstOfSystem) switch
            {
                0 => "VMS_TRACE",
                1 => "VMS_TIE_SIGNATURES",
                2 => "VMS_DEBUG",
                3 => "VMS_DEBUG_STR",
                4 => "VMS_LINKAGES",
                5 => "VMS_SYMBOL_VECTOR",
                _ => "VMS_FIXUP",
            };
        }

        if (type < FirstOfProcessor)
        {
            return null;
        }

        uint number = type - FirstOfProcessor;
        if (machine is ElfMachine.Mips or ElfMachine.MipsR3000LittleEndian)
        {
            return number < MipsSectionTypes.Length && MipsSectionTypes[number].Length > 0
                ? $"MIPS_{MipsSectionTypes[number]}"
                : null;
        }

        const uint RenesasIop = 0x8000_0000 - FirstOfProcessor, RenesasInfo = 0xa000_0000 - FirstOfProcessor;
        return (machine, number) switch
        {
            (ElfMachine.V800 or ElfMachine.V850 or ElfMachine.CygnusV850, RenesasIop) => "RENESAS IOP",
            (ElfMachine.V800 or ElfMachine.V850 or ElfMachine.CygnusV850, RenesasInfo) => "RENESAS INFO",
            (ElfMachine.X64 or ElfMachine.IntelL1 or ElfMachine.IntelK1, 1) => "X86_64_UNWIND",
            (ElfMachine.PaRisc, 0) => "PARISC_EXT",
            (ElfMachine.PaRisc, 1) => "PARISC_UNWIND",
            (ElfMachine.PaRisc, 2) => "PARISC_DOC",
            (ElfMachine.PaRisc, 3) => "PARISC_ANNOT",
            (ElfMachine.PaRisc, 4) => "PARISC_DLKM",
            (ElfMachine.PaRisc, 8) => "PARISC_SYMEXTN",
            (ElfMachine.PaRisc, 9) => "PARISC_STUBS",
            (ElfMachine.V800 or ElfMachine.V850 or ElfMachine.CygnusV850, 0) => "V850 Small Common",
            (ElfMachine.V800 or ElfMachine.V850 or ElfMachine.CygnusV850, 1) => "V850 Tiny Common",
            (ElfMachine.V800 or ElfMachine.V850 or ElfMachine.CygnusV850, 2) => "V850 Zero Common",
            (ElfMachine.Arm, 1) => "ARM_EXIDX",
            (ElfMachine.Arm, 2) => "ARM_PREEMPTMAP",
            (ElfMachine.Arm, 3) => "ARM_ATTRIBUTES",
            (ElfMachine.Arm, 4) => "ARM_DEBUGOVERLAY",
            (ElfMachine.Arm, 5) => "ARM_OVERLAYSECTION",
            (ElfMachine.Arc or ElfMachine.ArcCompact or ElfMachine.ArcCompact2, 1) => "ARC_ATTRIBUTES",
            (ElfMachine.IA64, 0) => "IA_64_EXT",
            (ElfMachine.IA64, 1) => "IA_64_UNWIND",
            (ElfMachine.Msp430, 3) => "MSP430_ATTRIBUTES",
            (ElfMachine.TiC6000, 1) => "C6000_UNWIND",
            (ElfMachine.TiC6000, 2) => "C6000_PREEMPTMAP",
            (ElfMachine.TiC6000, 3) => "C6000_ATTRIBUTES",
            (ElfMachine.Arm64, 3) => "AARCH64_ATTRIBUTES",
            (ElfMachine.RiscV, 3) => "RISCV_ATTRIBUTES",
            (ElfMachine.Nfp, 1) => "NFP_MECONFIG",
            (ElfMachine.Nfp, 2) => "NFP_INITREG",
            (ElfMachine.CSky, 1) => "CSKY_ATTRIBUTES",
            _ => null,
        };
    }
}

namespace MemProc;

/// <summary>Names as readelf prints them; values without a name are printed as numbers.</summary>
internal static class ElfNames
{
    /// <summary>The name of <c>SHT_*</c>.</summary>
    public static string Of(ElfSectionType type) => type switch
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
        ElfSectionType.GnuHash => "GNU_HASH",
        ElfSectionType.GnuVersionDefinitions => "VERDEF",
        ElfSectionType.GnuVersionNeeds => "VERNEED",
        ElfSectionType.GnuVersions => "VERSYM",
        _ => $"0x{(uint)type:x}",
    };

    /// <summary>The name of <c>PT_*</c>.</summary>
    public static string Of(ElfSegmentType type) => type switch
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
        _ => $"0x{(uint)type:x}",
    };

    /// <summary>The name of <c>STT_*</c>.</summary>
    public static string Of(ElfSymbolType type) => type switch
    {
        ElfSymbolType.None => "NOTYPE",
        ElfSymbolType.Object => "OBJECT",
        ElfSymbolType.Function => "FUNC",
        ElfSymbolType.Section => "SECTION",
        ElfSymbolType.File => "FILE",
        ElfSymbolType.Common => "COMMON",
        ElfSymbolType.Tls => "TLS",
        ElfSymbolType.IndirectFunction => "IFUNC",
        _ => $"{(byte)type}",
    };

    /// <summary>The section index of a symbol: a number, or UND, ABS, COM.</summary>
    public static string OfIndex(uint section) => section switch
    {
        0 => "UND",
        0xfff1 => "ABS",
        0xfff2 => "COM",
        _ => $"{section}",
    };
}

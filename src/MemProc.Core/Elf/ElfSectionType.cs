namespace MemProc;

/// <summary>What a section holds (<c>SHT_*</c>); a number without a name here stays one.</summary>
public enum ElfSectionType : uint
{
    /// <summary>Nothing.</summary>
    Null = 0,
    /// <summary>What the program itself gives a meaning to.</summary>
    ProgramBits = 1,
    /// <summary>The symbols of the linker.</summary>
    SymbolTable = 2,
    /// <summary>Strings.</summary>
    StringTable = 3,
    /// <summary>Relocations that say what is to be added.</summary>
    RelocationsWithAddends = 4,
    /// <summary>Symbols by hash.</summary>
    Hash = 5,
    /// <summary>What the dynamic linker has to know.</summary>
    Dynamic = 6,
    /// <summary>Notes.</summary>
    Note = 7,
    /// <summary>Zeros that are not in the file.</summary>
    NoBits = 8,
    /// <summary>Relocations.</summary>
    Relocations = 9,
    /// <summary>Reserved.</summary>
    SharedLibrary = 10,
    /// <summary>The symbols of the running program.</summary>
    DynamicSymbols = 11,
    /// <summary>Functions to be called at the start.</summary>
    InitArray = 14,
    /// <summary>Functions to be called at the end.</summary>
    FiniArray = 15,
    /// <summary>Functions to be called before all others.</summary>
    PreInitArray = 16,
    /// <summary>Sections that belong together.</summary>
    Group = 17,
    /// <summary>Section numbers that do not fit a symbol.</summary>
    SymbolSectionIndexes = 18,
    /// <summary>Relocations relative to the address of loading.</summary>
    RelativeRelocations = 19,
    /// <summary>Symbols by hash, the GNU way.</summary>
    GnuHash = 0x6fff_fff6,
    /// <summary>Versions that the file defines.</summary>
    GnuVersionDefinitions = 0x6fff_fffd,
    /// <summary>Versions that the file needs.</summary>
    GnuVersionNeeds = 0x6fff_fffe,
    /// <summary>Which version each symbol has.</summary>
    GnuVersions = 0x6fff_ffff,
}

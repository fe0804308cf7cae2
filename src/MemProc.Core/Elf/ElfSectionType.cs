namespace MemProc;

/// <summary>Kind of the content of a section (<c>SHT_*</c>). Other values stay numbers.</summary>
public enum ElfSectionType : uint
{
    /// <summary>Unused.</summary>
    Null = 0,
    /// <summary>Content that the program defines.</summary>
    ProgramBits = 1,
    /// <summary>The full symbol table.</summary>
    SymbolTable = 2,
    /// <summary>Strings.</summary>
    StringTable = 3,
    /// <summary>Relocations with addends.</summary>
    RelocationsWithAddends = 4,
    /// <summary>Hash table of symbols.</summary>
    Hash = 5,
    /// <summary>Information for the dynamic linker.</summary>
    Dynamic = 6,
    /// <summary>Notes.</summary>
    Note = 7,
    /// <summary>Zeros, which take no room in the file.</summary>
    NoBits = 8,
    /// <summary>Relocations without addends.</summary>
    Relocations = 9,
    /// <summary>Reserved.</summary>
    SharedLibrary = 10,
    /// <summary>The symbols for dynamic linking.</summary>
    DynamicSymbols = 11,
    /// <summary>Initialization functions.</summary>
    InitArray = 14,
    /// <summary>Termination functions.</summary>
    FiniArray = 15,
    /// <summary>Functions called before all initialization functions.</summary>
    PreInitArray = 16,
    /// <summary>A group of sections.</summary>
    Group = 17,
    /// <summary>Section indexes that do not fit the field of a symbol.</summary>
    SymbolSectionIndexes = 18,
    /// <summary>Relative relocations in compact form.</summary>
    RelativeRelocations = 19,
    /// <summary>Inputs of incremental linking.</summary>
    GnuIncrementalInputs = 0x6fff_4700,
    /// <summary>Version index of each symbol, in files of Solaris.</summary>
    SunVersions = 0x6fff_fff0,
    /// <summary>Attributes of the object file.</summary>
    GnuAttributes = 0x6fff_fff5,
    /// <summary>GNU hash table of symbols.</summary>
    GnuHash = 0x6fff_fff6,
    /// <summary>Libraries for which the file was prelinked.</summary>
    GnuLibraryList = 0x6fff_fff7,
    /// <summary>Version definitions, in files of Solaris.</summary>
    SunVersionDefinitions = 0x6fff_fffc,
    /// <summary>Version definitions.</summary>
    GnuVersionDefinitions = 0x6fff_fffd,
    /// <summary>Needed versions.</summary>
    GnuVersionNeeds = 0x6fff_fffe,
    /// <summary>Version index of each symbol.</summary>
    GnuVersions = 0x6fff_ffff,
    /// <summary>Another library to search before this one.</summary>
    Auxiliary = 0x7fff_fffd,
    /// <summary>Another library to search instead of this one.</summary>
    Filter = 0x7fff_ffff,
}

namespace MemProc;

/// <summary>What an entry of the dynamic section is about (<c>DT_*</c>); a number without a name here stays one.</summary>
public enum ElfDynamicTag : ulong
{
    /// <summary>The end.</summary>
    Null = 0,
    /// <summary>The name of a library that is needed.</summary>
    Needed = 1,
    /// <summary>Bytes of the relocations of the procedure linkage table.</summary>
    PltRelocationBytes = 2,
    /// <summary>The global offset table.</summary>
    PltGot = 3,
    /// <summary>Symbols by hash.</summary>
    Hash = 4,
    /// <summary>The string table.</summary>
    StringTable = 5,
    /// <summary>The symbol table.</summary>
    SymbolTable = 6,
    /// <summary>Relocations with addends.</summary>
    RelocationsWithAddends = 7,
    /// <summary>Bytes of the string table.</summary>
    StringTableBytes = 10,
    /// <summary>Bytes of a symbol.</summary>
    SymbolBytes = 11,
    /// <summary>Function called at the start.</summary>
    Init = 12,
    /// <summary>Function called at the end.</summary>
    Fini = 13,
    /// <summary>The library's own name.</summary>
    SoName = 14,
    /// <summary>Where to look for libraries, the old way.</summary>
    RPath = 15,
    /// <summary>Where to look for libraries.</summary>
    RunPath = 29,
    /// <summary>Flags.</summary>
    Flags = 30,
    /// <summary>Symbols by hash, the GNU way.</summary>
    GnuHash = 0x6fff_fef5,
    /// <summary>Which version each symbol has.</summary>
    Versions = 0x6fff_fff0,
    /// <summary>More flags.</summary>
    Flags1 = 0x6fff_fffb,
    /// <summary>Versions that the file defines.</summary>
    VersionDefinitions = 0x6fff_fffc,
    /// <summary>How many.</summary>
    VersionDefinitionCount = 0x6fff_fffd,
    /// <summary>Versions that the file needs.</summary>
    VersionNeeds = 0x6fff_fffe,
    /// <summary>Of how many files.</summary>
    VersionNeedCount = 0x6fff_ffff,
}

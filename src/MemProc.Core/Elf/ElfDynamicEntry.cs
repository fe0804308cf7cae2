namespace MemProc;

/// <summary>An entry of the dynamic section, which the dynamic linker reads (<c>Elf64_Dyn</c> of elf(5)).</summary>
/// <param name="Tag">Tag of the entry.</param>
/// <param name="Value">An address of the image, a size, or an offset in the string table.</param>
/// <param name="Text">The string that the entry points to; null for tags that point to none.</param>
public sealed record ElfDynamicEntry(ElfDynamicTag Tag, ulong Value, string? Text);

/// <summary>Tag of an entry of the dynamic section (<c>DT_*</c>). Other values stay numbers.</summary>
public enum ElfDynamicTag : ulong
{
    /// <summary>End of the section.</summary>
    Null = 0,
    /// <summary>Name of a needed library.</summary>
    Needed = 1,
    /// <summary>Bytes of the relocations of the procedure linkage table.</summary>
    PltRelocationBytes = 2,
    /// <summary>The global offset table.</summary>
    PltGot = 3,
    /// <summary>Hash table of symbols.</summary>
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
    /// <summary>Initialization function.</summary>
    Init = 12,
    /// <summary>Termination function.</summary>
    Fini = 13,
    /// <summary>Name of the library itself.</summary>
    SoName = 14,
    /// <summary>Library search path (deprecated).</summary>
    RPath = 15,
    /// <summary>Library search path.</summary>
    RunPath = 29,
    /// <summary>Flags.</summary>
    Flags = 30,
    /// <summary>GNU hash table of symbols.</summary>
    GnuHash = 0x6fff_fef5,
    /// <summary>Version index of each symbol.</summary>
    Versions = 0x6fff_fff0,
    /// <summary>More flags.</summary>
    Flags1 = 0x6fff_fffb,
    /// <summary>Version definitions.</summary>
    VersionDefinitions = 0x6fff_fffc,
    /// <summary>Number of version definitions.</summary>
    VersionDefinitionCount = 0x6fff_fffd,
    /// <summary>Needed versions.</summary>
    VersionNeeds = 0x6fff_fffe,
    /// <summary>Number of files whose versions are needed.</summary>
    VersionNeedCount = 0x6fff_ffff,
}

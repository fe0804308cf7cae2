namespace MemProc;

/// <summary>Which table of an ELF file names something.</summary>
public enum ElfSymbolSource
{
    /// <summary>The table that the program itself uses when it runs; it stays when a file is stripped.</summary>
    Dynamic,
    /// <summary>The table of all that the linker knew, local names included.</summary>
    Full,
}

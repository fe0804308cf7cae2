namespace MemProc;

/// <summary>What kind of ELF file it is (<c>ET_*</c>); a number without a name here stays one.</summary>
public enum ElfType : ushort
{
    /// <summary>Nothing that is known.</summary>
    None = 0,
    /// <summary>An object file, to be linked.</summary>
    Relocatable = 1,
    /// <summary>A program for fixed addresses.</summary>
    Executable = 2,
    /// <summary>A shared object, or a program for any address.</summary>
    SharedObject = 3,
    /// <summary>A core: the memory of a process.</summary>
    Core = 4,
}

namespace MemProc;

/// <summary>What a program header is about (<c>PT_*</c>); a number without a name here stays one.</summary>
public enum ElfSegmentType : uint
{
    /// <summary>Nothing.</summary>
    Null = 0,
    /// <summary>A part of the file that is mapped.</summary>
    Load = 1,
    /// <summary>What the dynamic linker has to know.</summary>
    Dynamic = 2,
    /// <summary>The path of the dynamic linker.</summary>
    Interpreter = 3,
    /// <summary>Notes.</summary>
    Note = 4,
    /// <summary>Reserved.</summary>
    SharedLibrary = 5,
    /// <summary>The program headers themselves.</summary>
    ProgramHeaders = 6,
    /// <summary>What each thread gets a copy of.</summary>
    Tls = 7,
    /// <summary>How to unwind the stack.</summary>
    GnuEhFrame = 0x6474_e550,
    /// <summary>Whether the stack may be executed.</summary>
    GnuStack = 0x6474_e551,
    /// <summary>What is read-only once the dynamic linker has done its work.</summary>
    GnuRelRo = 0x6474_e552,
    /// <summary>Properties that the processor has to support.</summary>
    GnuProperty = 0x6474_e553,
    /// <summary>How to unwind the stack, in a short form.</summary>
    GnuSFrame = 0x6474_e554,
}

namespace MemProc;

/// <summary>Kind of a segment (<c>PT_*</c>). Other values stay numbers.</summary>
public enum ElfSegmentType : uint
{
    /// <summary>Unused.</summary>
    Null = 0,
    /// <summary>A part of the file that is loaded.</summary>
    Load = 1,
    /// <summary>Information for the dynamic linker.</summary>
    Dynamic = 2,
    /// <summary>The path of the dynamic linker.</summary>
    Interpreter = 3,
    /// <summary>Notes.</summary>
    Note = 4,
    /// <summary>Reserved.</summary>
    SharedLibrary = 5,
    /// <summary>The program headers themselves.</summary>
    ProgramHeaders = 6,
    /// <summary>Initial content of thread-local storage.</summary>
    Tls = 7,
    /// <summary>Index of the stack unwind tables (.eh_frame_hdr).</summary>
    GnuEhFrame = 0x6474_e550,
    /// <summary>Permissions of the stack.</summary>
    GnuStack = 0x6474_e551,
    /// <summary>Data that is read-only after relocation.</summary>
    GnuRelRo = 0x6474_e552,
    /// <summary>Required processor features.</summary>
    GnuProperty = 0x6474_e553,
    /// <summary>Stack unwind tables in SFrame format.</summary>
    GnuSFrame = 0x6474_e554,
    /// <summary>Memory to fill with random bytes, on OpenBSD.</summary>
    OpenBsdRandom = 0x65a3_dbe6,
    /// <summary>The program needs memory that is both writable and executable, on OpenBSD.</summary>
    OpenBsdWxNeeded = 0x65a3_dbe7,
    /// <summary>Data of the boot loader, on OpenBSD.</summary>
    OpenBsdBootData = 0x65a4_1be6,
}

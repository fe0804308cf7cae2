namespace MemProc;

/// <summary>What a symbol names (<c>STT_*</c>); a number without a name here stays one.</summary>
public enum ElfSymbolType : byte
{
    /// <summary>Nobody said.</summary>
    None = 0,
    /// <summary>Data.</summary>
    Object = 1,
    /// <summary>Code.</summary>
    Function = 2,
    /// <summary>A section.</summary>
    Section = 3,
    /// <summary>A source file.</summary>
    File = 4,
    /// <summary>Data that is not laid out yet.</summary>
    Common = 5,
    /// <summary>An offset in what each thread gets a copy of.</summary>
    Tls = 6,
    /// <summary>A function that says which function to call.</summary>
    IndirectFunction = 10,
}

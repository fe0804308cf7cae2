namespace MemProc;

/// <summary>Who sees a symbol when the program runs (<c>STV_*</c>).</summary>
public enum ElfSymbolVisibility : byte
{
    /// <summary>As its binding says.</summary>
    Default = 0,
    /// <summary>Nobody outside; what that means depends on the processor.</summary>
    Internal = 1,
    /// <summary>Nobody outside its module.</summary>
    Hidden = 2,
    /// <summary>All, but its own module always uses this one.</summary>
    Protected = 3,
}

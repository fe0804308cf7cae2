namespace MemProc;

/// <summary>Who sees a symbol when files are linked (<c>STB_*</c>); a number without a name here stays one.</summary>
public enum ElfSymbolBinding : byte
{
    /// <summary>Its own file.</summary>
    Local = 0,
    /// <summary>All.</summary>
    Global = 1,
    /// <summary>All, unless another of that name is there.</summary>
    Weak = 2,
    /// <summary>All, and it is the same one in the whole process.</summary>
    Unique = 10,
}

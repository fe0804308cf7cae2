namespace MemProc.Interop;

/// <summary>
/// Permissions of a mapping. The values are those of PROCMAP_QUERY's <c>vma_flags</c>
/// (<c>include/uapi/linux/fs.h</c>); a mapping without <see cref="Shared"/> is private.
/// </summary>
[Flags]
public enum VmaPermissions
{
    /// <summary>No access, private: <c>---p</c>.</summary>
    None = 0,
    /// <summary><c>r</c></summary>
    Read = 1,
    /// <summary><c>w</c></summary>
    Write = 2,
    /// <summary><c>x</c></summary>
    Execute = 4,
    /// <summary><c>s</c>: writes go to the file or to the other processes that share the mapping.</summary>
    Shared = 8,
}

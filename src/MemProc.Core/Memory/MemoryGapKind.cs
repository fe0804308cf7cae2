namespace MemProc;

/// <summary>Why a stretch of memory was not read.</summary>
public enum MemoryGapKind
{
    /// <summary>Something is mapped there, and the kernel refused to read it.</summary>
    Unreadable,
    /// <summary>Nothing is mapped there.</summary>
    NotMapped,
    /// <summary>No page stands behind it: never touched, swapped out, or not let in from its file. Nobody asked for it.</summary>
    NotResident,
}

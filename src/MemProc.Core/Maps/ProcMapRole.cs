namespace MemProc;

/// <summary>Which part of the main program a mapping is. No value is 0, which scripts take for nothing.</summary>
public enum ProcMapRole
{
    /// <summary>Its code, and what the linker put beside it.</summary>
    Text = 1,
    /// <summary>What it can read only: constants, tables, and pointers that were set when it was loaded.</summary>
    ReadOnlyData,
    /// <summary>
    /// Its variables that begin with a value; the first of those that begin as zero can be on the last page.
    /// </summary>
    Data,
    /// <summary>Its variables that begin as zero, as far as they are on pages of their own.</summary>
    Bss,
    /// <summary>The heap that brk moves.</summary>
    Heap,
    /// <summary>The main thread's stack.</summary>
    Stack,
}

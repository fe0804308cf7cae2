namespace MemProc;

/// <summary>What a process' memory is saved as.</summary>
public enum MemoryDumpFormat
{
    /// <summary>One ELF core file, as debuggers open it.</summary>
    Core,
    /// <summary>A folder: the bytes of each mapping in a file of its own, and an index.</summary>
    Raw,
}

namespace MemProc;

/// <summary>How it is found out which pages were touched.</summary>
public enum WorkingSetMethod
{
    /// <summary>Idle where the kernel has it and this user may use it, else Referenced.</summary>
    Auto,
    /// <summary>The idle bitmap: frames, whoever touches them, by a memory access or through a file.</summary>
    Idle,
    /// <summary>Referenced bits, cleared by clear_refs and counted by smaps: the process' own page table, mostly.</summary>
    Referenced,
}

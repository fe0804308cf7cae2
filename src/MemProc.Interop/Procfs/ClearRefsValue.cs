namespace MemProc.Interop;

/// <summary>Values for <c>/proc/PID/clear_refs</c> (<c>fs/proc/task_mmu.c</c>, CLEAR_REFS_*).</summary>
public enum ClearRefsValue
{
    /// <summary>Clears the referenced and accessed bits of every page of the process.</summary>
    Referenced = 1,
    /// <summary>
    /// Clears the soft-dirty bits of every page of the process (3.11). A kernel without CONFIG_MEM_SOFT_DIRTY accepts the
    /// value and does nothing.
    /// </summary>
    SoftDirty = 4,
}

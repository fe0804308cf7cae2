namespace MemProc;

/// <summary>How memory is written.</summary>
public enum WriteMethod
{
    /// <summary>process_vm_writev: page protection holds.</summary>
    ProcessVm,
    /// <summary>/proc/PID/mem: writes read-only private pages too, into a copy of the process' own.</summary>
    Mem,
}

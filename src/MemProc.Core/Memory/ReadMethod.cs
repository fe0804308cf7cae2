namespace MemProc;

/// <summary>How memory is read.</summary>
public enum ReadMethod
{
    /// <summary>The faster one that works here.</summary>
    Auto,
    /// <summary>process_vm_readv: fast; page protection holds.</summary>
    ProcessVm,
    /// <summary>/proc/PID/mem: slower; reads pages without read permission too.</summary>
    Mem,
}

namespace MemProc;

/// <summary>Kind of a mapping.</summary>
public enum ProcMapKind
{
    /// <summary>A file.</summary>
    File,
    /// <summary>The heap that brk moves.</summary>
    Heap,
    /// <summary>The main thread's stack.</summary>
    Stack,
    /// <summary>Anonymous memory without a name.</summary>
    Anonymous,
    /// <summary>Anonymous memory named by the process: <c>[anon:name]</c>.</summary>
    NamedAnonymous,
    /// <summary>The vDSO.</summary>
    Vdso,
    /// <summary>The data of the vDSO.</summary>
    Vvar,
    /// <summary>The vsyscall page.</summary>
    Vsyscall,
    /// <summary>Shared memory: memfd, POSIX, System V, or shared anonymous.</summary>
    SharedMemory,
    /// <summary>Pages of hugetlbfs.</summary>
    HugePages,
    /// <summary>A device, or another kernel object that can be mapped.</summary>
    Device,
    /// <summary>Another mapping named by the kernel, such as <c>[uprobes]</c>.</summary>
    Special,
}

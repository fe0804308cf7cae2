namespace MemProc;

/// <summary>What a mapping is.</summary>
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
    /// <summary>Anonymous memory that its process named: <c>[anon:name]</c>.</summary>
    NamedAnonymous,
    /// <summary>The kernel's shared object.</summary>
    Vdso,
    /// <summary>The kernel's data for it.</summary>
    Vvar,
    /// <summary>The fixed page of old system calls.</summary>
    Vsyscall,
    /// <summary>Shared memory: memfd, POSIX, System V, or shared anonymous.</summary>
    SharedMemory,
    /// <summary>Pages of hugetlbfs.</summary>
    HugePages,
    /// <summary>A device, or another object of the kernel that can be mapped.</summary>
    Device,
    /// <summary>Another mapping that the kernel made and named, such as <c>[uprobes]</c>.</summary>
    Special,
}

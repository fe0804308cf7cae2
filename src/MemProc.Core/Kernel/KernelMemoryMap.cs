namespace MemProc;

/// <summary>
/// What the kernel keeps about the address space of a process: members of its mm_struct. Null where the running kernel has
/// no such member.
/// </summary>
public sealed class KernelMemoryMap
{
    private readonly ProcessIdentity _process;

    internal KernelMemoryMap(ProcessKernelMemory memory)
    {
        _process = memory.Process.Identity;
        TaskAddress = memory.Task();
        MmAddress = memory.Address;
        PageTableAddress = memory.PageTable;
        MapCount = memory.MapCount;
        MmapBase = memory.Member("mmap_base");
        TaskSize = memory.Member("task_size");
        StartCode = memory.Member("start_code");
        EndCode = memory.Member("end_code");
        StartData = memory.Member("start_data");
        EndData = memory.Member("end_data");
        StartBrk = memory.Member("start_brk");
        Brk = memory.Member("brk");
        StartStack = memory.Member("start_stack");
        ArgStart = memory.Member("arg_start");
        ArgEnd = memory.Member("arg_end");
        EnvStart = memory.Member("env_start");
        EnvEnd = memory.Member("env_end");
        TotalPages = memory.Member("total_vm");
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _process.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => _process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => _process.StartTicks;

    /// <summary>Address of the main thread's task_struct; null where that thread has ended.</summary>
    public ulong? TaskAddress { get; }

    /// <summary>Address of the mm_struct.</summary>
    public ulong MmAddress { get; }

    /// <summary>pgd: the kernel's address of the root page table.</summary>
    public ulong PageTableAddress { get; }

    /// <summary>map_count: how many mappings there are.</summary>
    public uint MapCount { get; }

    /// <summary>mmap_base: where the kernel begins to look for room for mappings.</summary>
    public ulong? MmapBase { get; }

    /// <summary>task_size: the first address behind the process' half of the address space.</summary>
    public ulong? TaskSize { get; }

    /// <summary>start_code: first address of the program's code.</summary>
    public ulong? StartCode { get; }

    /// <summary>end_code: first address behind it.</summary>
    public ulong? EndCode { get; }

    /// <summary>start_data: first address of the program's data.</summary>
    public ulong? StartData { get; }

    /// <summary>end_data: first address behind it.</summary>
    public ulong? EndData { get; }

    /// <summary>start_brk: where the heap begins.</summary>
    public ulong? StartBrk { get; }

    /// <summary>brk: where it ends now.</summary>
    public ulong? Brk { get; }

    /// <summary>start_stack: where the stack began.</summary>
    public ulong? StartStack { get; }

    /// <summary>arg_start: first byte of the arguments.</summary>
    public ulong? ArgStart { get; }

    /// <summary>arg_end: first byte behind them.</summary>
    public ulong? ArgEnd { get; }

    /// <summary>env_start: first byte of the environment.</summary>
    public ulong? EnvStart { get; }

    /// <summary>env_end: first byte behind it.</summary>
    public ulong? EnvEnd { get; }

    /// <summary>total_vm: pages of all mappings.</summary>
    public ulong? TotalPages { get; }
}

namespace MemProc;

/// <summary>
/// What the kernel keeps about the address space of a process: members of its mm_struct. A member that the running kernel
/// does not have is null.
/// </summary>
public sealed class KernelMemoryMap : ProcessOutput
{
    internal KernelMemoryMap(
        KernelProcess process, KernelOffsets.MemoryOffsets offsets, int? treeRoot, bool is32Bit)
    {
        Process = process.Process.Identity;
        TaskAddress = process.Task();
        MmAddress = process.Address;
        KernelStructure mm = process.ReadMm();
        PageTableAddress = mm.ReadUInt64(offsets.PageTable);
        MapCount = mm.ReadUInt32(offsets.MapCount);
        TreeRoot = mm.ReadUInt64(treeRoot);
        // x86-64 keeps two layouts, whatever the program: 32-bit programs map by the second one (arch/x86/mm/mmap.c).
        MmapBase = mm.ReadUInt64((is32Bit ? offsets["mmap_compat_base"] : null) ?? offsets["mmap_base"]);
        TaskSize = mm.ReadUInt64(offsets["task_size"]);
        StartCode = mm.ReadUInt64(offsets["start_code"]);
        EndCode = mm.ReadUInt64(offsets["end_code"]);
        StartData = mm.ReadUInt64(offsets["start_data"]);
        EndData = mm.ReadUInt64(offsets["end_data"]);
        StartBrk = mm.ReadUInt64(offsets["start_brk"]);
        Brk = mm.ReadUInt64(offsets["brk"]);
        StartStack = mm.ReadUInt64(offsets["start_stack"]);
        ArgStart = mm.ReadUInt64(offsets["arg_start"]);
        ArgEnd = mm.ReadUInt64(offsets["arg_end"]);
        EnvStart = mm.ReadUInt64(offsets["env_start"]);
        EnvEnd = mm.ReadUInt64(offsets["env_end"]);
        TotalPages = mm.ReadUInt64(offsets["total_vm"]);
    }

    internal override ProcessIdentity Process { get; }

    /// <summary>Address of the main thread's task_struct; null if that thread has exited.</summary>
    public ulong? TaskAddress { get; }

    /// <summary><see cref="TaskAddress"/> in hex.</summary>
    public string? TaskAddressHex => HexText.Of(TaskAddress);

    /// <summary>Address of the mm_struct.</summary>
    public ulong MmAddress { get; }

    /// <summary><see cref="MmAddress"/> in hex.</summary>
    public string MmAddressHex => HexText.Of(MmAddress);

    /// <summary>pgd: the kernel's address of the root page table.</summary>
    public ulong PageTableAddress { get; }

    /// <summary><see cref="PageTableAddress"/> in hex.</summary>
    public string PageTableAddressHex => HexText.Of(PageTableAddress);

    /// <summary>map_count: the number of mappings.</summary>
    public uint MapCount { get; }

    /// <summary>
    /// The root of the tree of mappings, as the kernel keeps it: mm_mt.ma_root, an address whose lowest bits are the type of
    /// the node, or before Linux 6.1 mm_rb.rb_node.
    /// </summary>
    public ulong? TreeRoot { get; }

    /// <summary><see cref="TreeRoot"/> in hex.</summary>
    public string? TreeRootHex => HexText.Of(TreeRoot);

    /// <summary>
    /// mmap_base, or mmap_compat_base of 32-bit programs on x86-64: the address from which the kernel looks for room for new
    /// mappings.
    /// </summary>
    public ulong? MmapBase { get; }

    /// <summary><see cref="MmapBase"/> in hex.</summary>
    public string? MmapBaseHex => HexText.Of(MmapBase);

    /// <summary>task_size: the first address after user space.</summary>
    public ulong? TaskSize { get; }

    /// <summary><see cref="TaskSize"/> in hex.</summary>
    public string? TaskSizeHex => HexText.Of(TaskSize);

    /// <summary>start_code: first address of the program's code.</summary>
    public ulong? StartCode { get; }

    /// <summary><see cref="StartCode"/> in hex.</summary>
    public string? StartCodeHex => HexText.Of(StartCode);

    /// <summary>end_code: first address after the code.</summary>
    public ulong? EndCode { get; }

    /// <summary><see cref="EndCode"/> in hex.</summary>
    public string? EndCodeHex => HexText.Of(EndCode);

    /// <summary>start_data: first address of the program's data.</summary>
    public ulong? StartData { get; }

    /// <summary><see cref="StartData"/> in hex.</summary>
    public string? StartDataHex => HexText.Of(StartData);

    /// <summary>end_data: first address after the data.</summary>
    public ulong? EndData { get; }

    /// <summary><see cref="EndData"/> in hex.</summary>
    public string? EndDataHex => HexText.Of(EndData);

    /// <summary>start_brk: first address of the heap.</summary>
    public ulong? StartBrk { get; }

    /// <summary><see cref="StartBrk"/> in hex.</summary>
    public string? StartBrkHex => HexText.Of(StartBrk);

    /// <summary>brk: first address after the heap.</summary>
    public ulong? Brk { get; }

    /// <summary><see cref="Brk"/> in hex.</summary>
    public string? BrkHex => HexText.Of(Brk);

    /// <summary>start_stack: the stack pointer at the start of the program.</summary>
    public ulong? StartStack { get; }

    /// <summary><see cref="StartStack"/> in hex.</summary>
    public string? StartStackHex => HexText.Of(StartStack);

    /// <summary>arg_start: first byte of the arguments.</summary>
    public ulong? ArgStart { get; }

    /// <summary><see cref="ArgStart"/> in hex.</summary>
    public string? ArgStartHex => HexText.Of(ArgStart);

    /// <summary>arg_end: first byte after the arguments.</summary>
    public ulong? ArgEnd { get; }

    /// <summary><see cref="ArgEnd"/> in hex.</summary>
    public string? ArgEndHex => HexText.Of(ArgEnd);

    /// <summary>env_start: first byte of the environment.</summary>
    public ulong? EnvStart { get; }

    /// <summary><see cref="EnvStart"/> in hex.</summary>
    public string? EnvStartHex => HexText.Of(EnvStart);

    /// <summary>env_end: first byte after the environment.</summary>
    public ulong? EnvEnd { get; }

    /// <summary><see cref="EnvEnd"/> in hex.</summary>
    public string? EnvEndHex => HexText.Of(EnvEnd);

    /// <summary>total_vm: pages of all mappings, of the machine's page size.</summary>
    public ulong? TotalPages { get; }

    /// <summary>Returns process and address of the structure.</summary>
    public override string ToString() => $"{Process} mm_struct 0x{MmAddress:x}";
}

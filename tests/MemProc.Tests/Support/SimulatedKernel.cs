using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>
/// Simulated kernel memory with this process only, in structures whose layout BTF describes. It can be read directly or
/// as <c>/proc/kcore</c>.
/// </summary>
internal sealed class SimulatedKernel : KernelMemory
{
    public const ulong Base = 0xffff_8880_0000_0000;
    public const ulong Task = Base + 0x1000;
    public const ulong Memory = Base + 0x2000;
    public const ulong File = Base + 0x3000;
    public const ulong Root = Base + 0x8000;
    public const int MemoryBytes = 0x10000;

    private const ulong TaskFiles = Base + 0x4000;
    private const ulong Table = Base + 0x4100;
    private const ulong ProcInode = Base + 0x4200;
    private const ulong Pid = Base + 0x4300;
    private const ulong Descriptors = Base + 0x5000;
    private const int MaxDescriptors = 1024;

    private readonly byte[] _memory = new byte[MemoryBytes];

    /// <summary>Called before each read.</summary>
    public Action Reading { get; set; } = () => { };

    /// <summary>Creates a process without mappings.</summary>
    /// <param name="process">Its files; the kernel's description of itself is added to them.</param>
    /// <param name="hasTree">Whether the kernel keeps mappings in a maple tree instead of a list.</param>
    public SimulatedKernel(SimulatedProcess process, bool hasTree)
    {
        Put(Task + 0x10, Task + 0x10);
        Put(Task + 0x20, (ulong)Environment.ProcessId);
        Put(Task + 0x28, Memory);
        Put(Task + 0x30, TaskFiles);
        Put(TaskFiles, Table);
        Put(Table, MaxDescriptors);
        Put(Table + 8, Descriptors);
        // Every descriptor is a file of this one process, with any number.
        for (int descriptor = 0; descriptor < MaxDescriptors; descriptor++)
        {
            Put(Descriptors + 8 * (ulong)descriptor, File);
        }

        Put(File, ProcInode + 0x10);
        Put(File + 8, Memory);
        Put(ProcInode, Pid);
        Put(Pid, Task + 0x38);
        Put(Memory, Root);
        SetMapCount(0);
        SimulatedProcess.WriteKernelFile($"{process.Files.Sys}/kernel/btf/vmlinux", Btf(hasTree));
        SimulatedProcess.WriteKernelFile(
            $"{process.Files.Proc}/kallsyms", Encoding.ASCII.GetBytes($"{Base:x} T _text\n{Task:x} D init_task\n"));
        SimulatedProcess.WriteKernelFile($"{process.Files.Proc}/self/mem", "memory"u8);
        process.Write("mem", "memory");
    }

    /// <summary>Writes a word.</summary>
    public void Put(ulong address, ulong value) => BitConverter.TryWriteBytes(_memory.AsSpan((int)(address - Base)), value);

    /// <summary>Writes bytes.</summary>
    public void Put(ulong address, byte[] bytes) => bytes.CopyTo(_memory, (int)(address - Base));

    /// <summary>Writes map_count, and one user or none.</summary>
    public void SetMapCount(uint count, uint users = 1) => Put(Memory + 8, count | (ulong)users << 32);

    /// <summary>Writes a vm_area_struct without a file.</summary>
    public void PutVma(ulong address, ulong start, ulong end, ulong flags, ulong next = 0)
    {
        ulong[] words = [start, end, flags, start >> 12, 0, next];
        for (int index = 0; index < words.Length; index++)
        {
            Put(address + 8 * (ulong)index, words[index]);
        }
    }

    /// <summary>Writes the memory as an ELF core of the kernel, in two adjacent segments.</summary>
    public void WriteKcore(string path)
    {
        const int Split = 0x2004, Contents = 0x1000;
        List<byte> file = [0x7f, .. "ELF"u8, 2, 1, 1, .. new byte[9], .. new byte[16]];
        file.AddRange(BitConverter.GetBytes(64UL));
        file.AddRange(new byte[14]);
        file.AddRange([56, 0, 3, 0, .. new byte[6]]);
        foreach ((uint type, int from, int length) in new[] { (4u, 0, 0), (1u, Split, MemoryBytes - Split), (1u, 0, Split) })
        {
            ulong[] words = [type, (ulong)(Contents + from), Base + (ulong)from, (ulong)from, (ulong)length, (ulong)length, 0];
            file.AddRange(words.SelectMany(BitConverter.GetBytes));
        }

        file.AddRange(new byte[Contents - file.Count]);
        file.AddRange(_memory);
        System.IO.File.WriteAllBytes(path, [.. file]);
    }

    /// <inheritdoc/>
    public override Errno TryRead(ulong address, Span<byte> buffer)
    {
        Reading();
        if (address < Base || buffer.Length > MemoryBytes || address - Base > (ulong)(MemoryBytes - buffer.Length))
        {
            return Errno.EFAULT;
        }

        _memory.AsSpan((int)(address - Base), buffer.Length).CopyTo(buffer);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override ulong CurrentTask() => Task;

    private static byte[] Btf(bool hasTree)
    {
        BtfBlob btf = new();
        Describe(btf, hasTree);
        return btf.ToBytes();
    }

    /// <summary>Describes the structures.</summary>
    /// <param name="btf">Receives them.</param>
    /// <param name="hasTree">Whether the kernel keeps mappings in a maple tree instead of a list.</param>
    public static void Describe(BtfBlob btf, bool hasTree)
    {
        uint word = btf.Integer("unsigned long", 8), half = btf.Integer("int", 4), pointer = btf.Pointer();
        uint tree = btf.Structure("maple_tree", 16, ("ma_flags", 0, half), ("ma_root", 8, pointer));
        btf.Structure("maple_range_64", 256, ("parent", 0, pointer), ("pivot", 8, btf.Array(word, 15)),
            ("slot", 128, btf.Array(pointer, 16)));
        btf.Structure("maple_arange_64", 240, ("parent", 0, pointer), ("pivot", 8, btf.Array(word, 9)),
            ("slot", 80, btf.Array(pointer, 10)));
        btf.Structure("maple_node", 256);
        btf.Structure("task_struct", 0x100, ("tasks", 0x10, pointer), ("tgid", 0x20, half), ("mm", 0x28, pointer),
            ("files", 0x30, pointer), ("pid_links", 0x38, btf.Array(pointer, 4)));
        btf.Structure("files_struct", 8, ("fdt", 0, pointer));
        btf.Structure("fdtable", 16, ("max_fds", 0, half), ("fd", 8, pointer));
        btf.Structure("file", 24, ("f_inode", 0, pointer), ("private_data", 8, pointer),
            ("f_mapping", 16, pointer));
        uint inode = btf.Structure("inode", 0x260, ("i_ino", 0, word), ("i_sb", 8, pointer), ("i_generation", 0x258, half),
            ("i_rdev", 20, half), ("i_mode", 24, half), ("i_dentry", 32, pointer));
        btf.Structure("super_block", 16, ("s_dev", 0, half), ("s_type", 8, pointer));
        btf.Structure("proc_inode", 0x20, ("pid", 0, pointer), ("vfs_inode", 0x10, inode));
        btf.Structure("pid", 8, ("tasks", 0, pointer));
        uint semaphore = btf.Structure("rw_semaphore", 8, ("count", 0, word));
        btf.Structure("mm_struct", 0x100, ("pgd", 0, pointer), ("map_count", 8, half), ("mm_users", 12, half),
            hasTree ? ("mm_mt", 0x10u, tree) : ("mmap", 0x10u, pointer), ("start_code", 0x20, word), ("brk", 0x28, word),
            ("mmap_lock", 0x30, semaphore), ("mmap_base", 0x38, word), ("mmap_compat_base", 0x40, word));
        btf.Structure("vm_area_struct", 0x30, ("vm_start", 0, word), ("vm_end", 8, word), ("vm_flags", 0x10, word),
            ("vm_pgoff", 0x18, word), ("vm_file", 0x20, pointer), ("vm_next", 0x28, pointer));
    }
}

using System.Collections.Concurrent;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Offsets of members in the kernel's structures, in bytes, from the running kernel's own type information (BTF). The
/// offset of a member that this kernel does not have is null.
/// </summary>
internal sealed class KernelOffsets
{
    private static readonly string[] TypeNames =
    [
        "task_struct", "files_struct", "fdtable", "file", "inode", "super_block", "proc_inode", "pid", "mm_struct",
        "vm_area_struct", "backing_file", "dentry", "maple_tree", "maple_range_64", "maple_arange_64", "maple_node",
        .. FrameLayout.TypeNames,
    ];

    private static readonly ConcurrentDictionary<string, KernelOffsets> Known = new(StringComparer.Ordinal);

    private readonly BtfTypes _types;
    private readonly Lazy<FrameLayout> _frames;

    internal KernelOffsets(BtfTypes types)
    {
        _types = types;
        _frames = new Lazy<FrameLayout>(() => new FrameLayout(types));
        TaskTasks = Offset("task_struct", "tasks");
        TaskMemory = Offset("task_struct", "mm");
        TaskFiles = Offset("task_struct", "files");
        TaskLinks = Offset("task_struct", "pid_links");
        FilesTable = Offset("files_struct", "fdt");
        TableFiles = Offset("fdtable", "fd");
        FileInode = Offset("file", "f_inode");
        FilePrivate = Offset("file", "private_data");
        FileMode = types.OffsetOf("file", "f_mode");
        BackingPath = types.OffsetOf("backing_file", "user_path.dentry");
        EntryInode = types.OffsetOf("dentry", "d_inode");
        InodeNumber = Offset("inode", "i_ino");
        InodeSuperBlock = Offset("inode", "i_sb");
        SuperBlockDevice = Offset("super_block", "s_dev");
        ProcInodePid = Offset("proc_inode", "pid");
        ProcInodeInode = Offset("proc_inode", "vfs_inode");
        PidTasks = Offset("pid", "tasks");
        Memory = new MemoryOffsets(this);
        Vma = new VmaOffsets(this);
        Maple = types.OffsetOf("mm_struct", "mm_mt") is null ? null : new MapleOffsets(this);
    }

    public int TaskTasks { get; }

    public int TaskMemory { get; }

    public int TaskFiles { get; }

    public int TaskLinks { get; }

    public int FilesTable { get; }

    public int TableFiles { get; }

    public int FileInode { get; }

    public int FilePrivate { get; }

    public int? FileMode { get; }

    /// <summary>Where the file of a lower file system keeps the path that the user opened, from Linux 6.8.</summary>
    public int? BackingPath { get; }

    public int? EntryInode { get; }

    public int InodeNumber { get; }

    public int InodeSuperBlock { get; }

    public int SuperBlockDevice { get; }

    public int ProcInodePid { get; }

    public int ProcInodeInode { get; }

    public int PidTasks { get; }

    /// <summary>Offsets in mm_struct.</summary>
    public MemoryOffsets Memory { get; }

    /// <summary>Offsets in vm_area_struct.</summary>
    public VmaOffsets Vma { get; }

    /// <summary>Offsets in maple trees; null before Linux 6.1, where the mappings are a linked list.</summary>
    public MapleOffsets? Maple { get; }

    /// <summary>Offsets in the structures that describe page frames and their owners.</summary>
    /// <exception cref="MemProcException">ReadBtf, EOPNOTSUPP: a member that is needed is missing.</exception>
    public FrameLayout Frames => _frames.Value;

    /// <summary>Returns the layout of the running kernel (<c>/sys/kernel/btf/vmlinux</c>), which is read once.</summary>
    /// <exception cref="MemProcException">
    /// ReadBtf: ENOENT if the kernel has no type information; ENOEXEC if it cannot be parsed; EOPNOTSUPP if a member that is
    /// needed is missing.
    /// </exception>
    public static KernelOffsets Of(KernelFiles files) => Known.GetOrAdd(BtfPath(files), Read);

    /// <summary>Returns the path of the kernel's type information.</summary>
    public static string BtfPath(KernelFiles files) => $"{files.Sys}/kernel/btf/vmlinux";

    private static KernelOffsets Read(string path)
    {
        try
        {
            return new KernelOffsets(new BtfTypes(File.ReadAllBytes(path), TypeNames));
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new MemProcException(Operation.ReadBtf, Errno.ENOENT,
                $"This kernel has no type information: {path} does not exist. Requires Linux 5.5 or later, built with "
                + "CONFIG_DEBUG_INFO_BTF.");
        }
        catch (Exception error) when (error is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new MemProcException(Operation.ReadBtf, Errno.ENOEXEC, $"{path} cannot be parsed: {error.Message}.");
        }
    }

    /// <summary>Returns the offset of a member that is needed.</summary>
    /// <exception cref="MemProcException">ReadBtf, EOPNOTSUPP: the kernel does not have it.</exception>
    internal static int Required(BtfTypes types, string structure, string member) => types.OffsetOf(structure, member)
        ?? throw new MemProcException(Operation.ReadBtf, Errno.EOPNOTSUPP,
            $"This kernel's {structure} has no member {member}, which is needed to read it: the version is not supported.");

    private int Offset(string structure, string member) => Required(_types, structure, member);

    /// <summary>Offsets in mm_struct.</summary>
    internal sealed class MemoryOffsets(KernelOffsets layout)
    {
        /// <summary>Bytes of the structure.</summary>
        public int SizeBytes { get; } = layout._types.SizeOf("mm_struct") ?? 0;

        public int PageTable { get; } = layout.Offset("mm_struct", "pgd");

        public int MapCount { get; } = layout.Offset("mm_struct", "map_count");

        /// <summary>mm_mt: the tree of mappings, from Linux 6.1.</summary>
        public int? Tree { get; } = layout._types.OffsetOf("mm_struct", "mm_mt");

        /// <summary>mmap: the first mapping of the list, before Linux 6.1.</summary>
        public int? List { get; } = layout._types.OffsetOf("mm_struct", "mmap");

        /// <summary>mm_rb.rb_node: the root of the tree of mappings, before Linux 6.1.</summary>
        public int? BinaryTree { get; } = layout._types.OffsetOf("mm_struct", "mm_rb.rb_node");

        /// <summary>mm_lock_seq: a number that changes with every change of the mappings, from Linux 6.4.</summary>
        public int? Sequence { get; } = layout._types.OffsetOf("mm_struct", "mm_lock_seq");

        /// <summary>Whether that number is odd during a change, as it is from Linux 6.13.</summary>
        public bool SequenceMarksWriters { get; } = layout._types.IsStructure("mm_struct", "mm_lock_seq");

        /// <summary>
        /// mmap_lock.count: the lock that changes of the mappings hold. Its lowest bit is set while a thread changes them
        /// (<c>kernel/locking/rwsem.c</c>); a kernel with PREEMPT_RT has another lock.
        /// </summary>
        public int? Lock { get; } = layout._types.OffsetOf("mm_struct", "mmap_lock.count");

        /// <summary>The offset of another member.</summary>
        public int? this[string member] => layout._types.OffsetOf("mm_struct", member);
    }

    /// <summary>Offsets in vm_area_struct.</summary>
    internal sealed class VmaOffsets(KernelOffsets layout)
    {
        public int Start { get; } = layout.Offset("vm_area_struct", "vm_start");

        public int End { get; } = layout.Offset("vm_area_struct", "vm_end");

        public int Flags { get; } = layout.Offset("vm_area_struct", "vm_flags");

        public int PageOffset { get; } = layout.Offset("vm_area_struct", "vm_pgoff");

        /// <summary>vm_page_prot: the bits of page table entries that the mapping gives its pages.</summary>
        public int? PageProtection { get; } = layout._types.OffsetOf("vm_area_struct", "vm_page_prot");

        public int File { get; } = layout.Offset("vm_area_struct", "vm_file");

        /// <summary>Bytes from the beginning of the structure that contain all of these.</summary>
        public int UsedBytes => sizeof(ulong) + new[]
        {
            Start, End, Flags, PageOffset, PageProtection ?? 0, File,
        }.Max();

        /// <summary>vm_next: the next mapping of the list, before Linux 6.1.</summary>
        public int? Next { get; } = layout._types.OffsetOf("vm_area_struct", "vm_next");
    }

    /// <summary>Offsets and counts in the nodes of maple trees (<c>include/linux/maple_tree.h</c>).</summary>
    internal sealed class MapleOffsets(KernelOffsets layout)
    {
        public int Root { get; } = layout.Offset("maple_tree", "ma_root");

        public int NodeBytes { get; } = layout._types.SizeOf("maple_node") ?? 256;

        public int RangePivots { get; } = layout.Offset("maple_range_64", "pivot");

        public int RangeSlots { get; } = layout.Offset("maple_range_64", "slot");

        public int RangeCount { get; } = layout._types.CountOf("maple_range_64", "slot") ?? 16;

        public int GapPivots { get; } = layout.Offset("maple_arange_64", "pivot");

        public int GapSlots { get; } = layout.Offset("maple_arange_64", "slot");

        public int GapCount { get; } = layout._types.CountOf("maple_arange_64", "slot") ?? 10;
    }
}

using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// The kernel's structures of one process. Its mm_struct is the private data of the open <c>/proc/PID/mem</c>: only a user
/// who may read the process' memory can open that file, and the kernel keeps the structure while the file is open.
/// </summary>
internal sealed class KernelProcess
{
    private readonly KernelReader _reader;

    /// <summary>Finds the structures of a process.</summary>
    /// <param name="reader">The kernel's memory. It is not opened for a process that this user may not read.</param>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EACCES if this user may not read the process. ReadKernelMemory: EPERM if a capability is missing,
    /// EOPNOTSUPP if this kernel does not allow it, ESRCH if the process has no memory. ReadBtf: the kernel does not describe
    /// its structures.
    /// </exception>
    public KernelProcess(KernelReader reader, LinuxProcess process)
    {
        _reader = reader;
        Process = process;
        Address = MmAddressOf(process.Memory);
        if (Address == 0)
        {
            throw process.NoMemory(Operation.ReadKernelMemory);
        }
    }

    /// <summary>The process.</summary>
    public LinuxProcess Process { get; }

    /// <summary>Address of its mm_struct.</summary>
    public ulong Address { get; }

    /// <summary>pgd: the kernel's address of its root page table.</summary>
    public ulong PageTable => _reader.ReadUInt64(Address, _reader.Layout.Memory.PageTable);

    /// <summary>map_count: the number of its mappings.</summary>
    public uint MapCount => _reader.ReadUInt32(Address, _reader.Layout.Memory.MapCount);

    /// <summary>
    /// mm_lock_seq: changes with every change of the mappings, and from Linux 6.13 is odd during a change; null before
    /// Linux 6.4.
    /// </summary>
    public uint? Sequence => _reader.Layout.Memory.Sequence is int offset ? _reader.ReadUInt32(Address, offset) : null;

    /// <summary>
    /// Whether a thread changes the mappings at this moment; false where the kernel does not show it.
    /// </summary>
    public bool IsChanging => _reader.Layout.Memory switch
    {
        { SequenceMarksWriters: true } => (Sequence & 1) == 1,
        { Lock: int offset } => (_reader.ReadUInt32(Address, offset) & 1) == 1,
        _ => false,
    };

    /// <summary>
    /// Returns the address of the task_struct of its main thread, or of another thread where that one has exited; null if
    /// the process exits.
    /// </summary>
    public ulong? Task()
    {
        KernelOffsets layout = _reader.Layout;
        ulong inode = _reader.ReadUInt64(_reader.FileOf(Process.Folder), layout.FileInode);
        ulong pid = _reader.ReadUInt64(inode - (ulong)layout.ProcInodeInode, layout.ProcInodePid);
        // tasks[PIDTYPE_PID] points to the member pid_links[0] of the task.
        ulong first = _reader.ReadUInt64(pid, layout.PidTasks);
        return first == 0 ? null : first - (ulong)layout.TaskLinks;
    }

    /// <summary>Reads a copy of its mm_struct.</summary>
    public KernelStructure ReadMm()
    {
        byte[] bytes = new byte[_reader.Layout.Memory.SizeBytes];
        _reader.Read(Address, bytes);
        return new KernelStructure(bytes);
    }

    /// <summary>
    /// Throws if the process no longer uses the memory: the open file keeps the structure, which would then answer for a
    /// process that has other memory by now.
    /// </summary>
    /// <param name="operation">What was being done.</param>
    /// <exception cref="MemProcException">ESRCH.</exception>
    public void ThrowIfGone(Operation operation)
    {
        Process.ThrowIfExited(operation);
        if (_reader.Layout.Memory["mm_users"] is int users && _reader.ReadUInt32(Address, users) == 0)
        {
            throw ExecutedError(operation);
        }
    }

    /// <summary>Throws if another open file of the process belongs to other memory.</summary>
    /// <param name="file">An open file whose private data is an mm_struct.</param>
    /// <param name="operation">What was being done.</param>
    /// <exception cref="MemProcException">ESRCH.</exception>
    public void ThrowIfOtherMemory(SafeFileHandle file, Operation operation)
    {
        if (MmAddressOf(file) != Address)
        {
            throw ExecutedError(operation);
        }
    }

    private ulong MmAddressOf(SafeFileHandle file) => _reader.ReadUInt64(_reader.FileOf(file), _reader.Layout.FilePrivate);

    private MemProcException ExecutedError(Operation operation) => new(operation, Errno.ESRCH,
        $"Process {Process.Identity} has started another program since it was opened (execve), or is exiting: its former "
        + "memory is gone. Open the process again to read the new memory.", Process.Id);
}

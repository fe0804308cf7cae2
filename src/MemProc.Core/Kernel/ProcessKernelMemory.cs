using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// A process as the kernel sees it. What stands behind the open <c>/proc/PID/mem</c> is its mm_struct: the kernel lets
/// only those open the file who may read the process' memory, and keeps the structure while it is open.
/// </summary>
internal sealed class ProcessKernelMemory
{
    private readonly KernelSession _session;

    /// <summary>Finds a process' structures.</summary>
    /// <param name="session">The kernel's memory.</param>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EACCES where this user may not read the process' memory; ReadKernelMemory: the kernel's cannot be read.
    /// </exception>
    public ProcessKernelMemory(KernelSession session, LinuxProcess process)
    {
        _session = session;
        Process = process;
        Address = MemoryOf(process.Memory);
        if (Address == 0)
        {
            throw process.Failure(Operation.ReadKernelMemory, Errno.ESRCH, "has no memory of its own");
        }
    }

    /// <summary>The process.</summary>
    public LinuxProcess Process { get; }

    /// <summary>Address of its mm_struct.</summary>
    public ulong Address { get; }

    /// <summary>Address of its root page table.</summary>
    public ulong PageTable => _session.ReadWord(Address + (ulong)_session.Layout.Memory.PageTable);

    /// <summary>How many mappings it has.</summary>
    public uint MapCount => _session.ReadHalf(Address + (ulong)_session.Layout.Memory.MapCount);

    /// <summary>
    /// Changes with every change of its mappings, and is odd while somebody changes them where the kernel tells that; null
    /// before Linux 6.4.
    /// </summary>
    public uint? Sequence => _session.Layout.Memory.Sequence is int offset
        ? _session.ReadHalf(Address + (ulong)offset)
        : null;

    /// <summary>Address of its main thread's task_struct; null where it has ended.</summary>
    public ulong? Task()
    {
        KernelLayout layout = _session.Layout;
        ulong inode = _session.ReadWord(_session.FileOf(Process.Folder) + (ulong)layout.FileInode);
        ulong pid = _session.ReadWord(inode - (ulong)layout.ProcInodeInode + (ulong)layout.ProcInodePid);
        // The first of those who use the number as that of a thread is linked by its member pid_links[0].
        ulong first = _session.ReadWord(pid + (ulong)layout.PidTasks);
        return first == 0 ? null : first - (ulong)layout.TaskLinks;
    }

    /// <summary>A word of the mm_struct; null where this kernel has no such member.</summary>
    public ulong? Member(string name) => _session.Layout.Memory[name] is int offset
        ? _session.ReadWord(Address + (ulong)offset)
        : null;

    /// <summary>
    /// Throws where nobody uses the memory any more: the structure stays while its file is open, and would answer for a
    /// process that has long had another memory.
    /// </summary>
    /// <param name="operation">What was being done.</param>
    /// <exception cref="MemProcException">ESRCH.</exception>
    public void ThrowIfGone(Operation operation)
    {
        Process.ThrowIfExited(operation);
        if (_session.Layout.Memory["mm_users"] is int users && _session.ReadHalf(Address + (ulong)users) == 0)
        {
            throw Gone(operation);
        }
    }

    /// <summary>Throws where another of the process' files is of another memory.</summary>
    /// <param name="file">The file, of those that stand for memory.</param>
    /// <param name="operation">What was being done.</param>
    /// <exception cref="MemProcException">ESRCH.</exception>
    public void ThrowUnlessOf(SafeFileHandle file, Operation operation)
    {
        if (MemoryOf(file) != Address)
        {
            throw Gone(operation);
        }
    }

    private ulong MemoryOf(SafeFileHandle file) =>
        _session.ReadWord(_session.FileOf(file) + (ulong)_session.Layout.FilePrivate);

    private MemProcException Gone(Operation operation) => new(operation, Errno.ESRCH,
        $"Process {Process.Identity} has begun another program since it was opened (execve), or is just ending: the memory "
        + "that it had is gone. Ask again for the new one.", Process.Id);
}

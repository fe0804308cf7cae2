namespace MemProc;

/// <summary>
/// Raw page tables of processes, read from the kernel's own memory without a module. The kernel is asked for nothing but
/// to read, and only for processes whose memory this user may read anyway.
/// </summary>
public sealed class PageTableReader : IDisposable
{
    private readonly KernelSession _session;
    private (LinuxProcess Process, PageTableWalker Walker)? _last;

    /// <summary>Opens the kernel's memory.</summary>
    /// <param name="source">How to read it.</param>
    /// <param name="files">Where the kernel's file systems are; the usual places when left out.</param>
    /// <exception cref="MemProcException">
    /// ReadKernelMemory: EPERM where a capability is missing, EOPNOTSUPP where this kernel cannot; the message says why.
    /// ReadBtf: the kernel does not describe its structures.
    /// </exception>
    public PageTableReader(KernelReadSource source = KernelReadSource.Auto, KernelFiles? files = null) =>
        _session = KernelSession.Open(source, files);

    /// <summary>How the kernel's memory is read: never Auto.</summary>
    public KernelReadSource Source => _session.Source;

    /// <summary>The entries from the root of a process' page table to the page of an address.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The address.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EACCES where this user may not read the process. WalkPageTable: EAGAIN where the page keeps changing;
    /// ESRCH where the process exits.
    /// </exception>
    public IReadOnlyList<PageTableEntry> Entries(LinuxProcess process, ulong address)
    {
        if (_last?.Process != process)
        {
            _last = (process, new PageTableWalker(_session, process));
        }

        PageTableStep[] steps = _last.Value.Walker.Walk(address);
        return Array.ConvertAll(steps, step => new PageTableEntry(process.Identity, address, step));
    }

    /// <summary>The same in one object.</summary>
    /// <inheritdoc cref="Entries"/>
    public PageTableWalk Walk(LinuxProcess process, ulong address) => new(Entries(process, address));

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();
}

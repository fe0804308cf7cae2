namespace MemProc;

/// <summary>
/// Raw page tables of processes, read from the kernel's own memory without a module. The kernel is asked for nothing but
/// to read, and only for processes whose memory this user may read anyway.
/// </summary>
/// <param name="source">How to read it. It is opened when it is first needed.</param>
/// <param name="files">Where the kernel's file systems are; the usual places when left out.</param>
/// <param name="cancellation">Stops the reading of ranges.</param>
public sealed class PageTableReader(
    KernelReadSource source = KernelReadSource.Auto, KernelFiles? files = null, CancellationToken cancellation = default)
    : IDisposable
{
    private readonly KernelAccess _kernel = new(source, files);
    private (LinuxProcess Process, PageTableWalker Walker)? _last;

    /// <summary>How the kernel's memory is read: never Auto.</summary>
    /// <exception cref="MemProcException">ReadKernelMemory, ReadBtf: it cannot be; the message says why.</exception>
    public KernelReadSource Source => _kernel.Source;

    /// <summary>Makes ready for a process, so that what fails for all of it fails here.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EACCES where this user may not read the process; nothing of the kernel's has been read then.
    /// ReadKernelMemory: EPERM where a capability is missing, EOPNOTSUPP where this kernel cannot; the message says why.
    /// ReadBtf: the kernel does not describe its structures.
    /// </exception>
    public void Prepare(LinuxProcess process) => WalkerOf(process);

    /// <summary>The entries from the root of a process' page table to the page of an address.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The address.</param>
    /// <exception cref="MemProcException">
    /// What <see cref="Prepare"/> throws. WalkPageTable: EINVAL for an address of the kernel; EFAULT for one that no process
    /// can have; EAGAIN where the page keeps changing; ESRCH where the process exits.
    /// </exception>
    public IReadOnlyList<PageTableEntry> Entries(LinuxProcess process, ulong address)
    {
        PageTableWalker walker = WalkerOf(process);
        Span<PageTableStep> steps = stackalloc PageTableStep[PageTableFormat.MostLevels];
        PageTableEntry[] entries = new PageTableEntry[walker.Walk(address, steps)];
        for (int index = 0; index < entries.Length; index++)
        {
            entries[index] = new PageTableEntry(walker.Context, address, steps[index]);
        }

        return entries;
    }

    /// <summary>
    /// The same for a range. Each last entry is met once: a large page is one walk, and so is the stretch of an entry
    /// behind which there is nothing.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The first address.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <inheritdoc cref="Entries" path="/exception"/>
    public IEnumerable<IReadOnlyList<PageTableEntry>> EntriesIn(LinuxProcess process, ulong address, ulong length)
    {
        ulong end = UserRange.End(address, length, Operation.WalkPageTable);
        while (address < end)
        {
            cancellation.ThrowIfCancellationRequested();
            IReadOnlyList<PageTableEntry> entries = Entries(process, address);
            yield return entries;
            address = entries[^1].CoveredEnd;
        }
    }

    /// <summary>Where the walk to an address ends, in one object.</summary>
    /// <inheritdoc cref="Entries"/>
    public PageTableWalk Walk(LinuxProcess process, ulong address)
    {
        PageTableWalker walker = WalkerOf(process);
        Span<PageTableStep> steps = stackalloc PageTableStep[PageTableFormat.MostLevels];
        int count = walker.Walk(address, steps);
        return new PageTableWalk(new PageTableEntry(walker.Context, address, steps[count - 1]));
    }

    /// <inheritdoc cref="EntriesIn"/>
    public IEnumerable<PageTableWalk> WalksIn(LinuxProcess process, ulong address, ulong length)
    {
        ulong end = UserRange.End(address, length, Operation.WalkPageTable);
        while (address < end)
        {
            cancellation.ThrowIfCancellationRequested();
            PageTableWalk walk = Walk(process, address);
            yield return walk;
            address = walk.CoveredEnd;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _kernel.Dispose();

    private PageTableWalker WalkerOf(LinuxProcess process)
    {
        if (_last?.Process != process)
        {
            _last = (process, new PageTableWalker(_kernel.For(process), process));
        }

        return _last.Value.Walker;
    }
}

namespace MemProc;

/// <summary>
/// Reads raw page tables of processes from the kernel's memory, without a kernel module. It only reads, and only tables of
/// processes whose memory this user may read.
/// </summary>
/// <param name="source">How to read the kernel's memory. It is opened at the first use.</param>
/// <param name="files">Where the kernel's file systems are mounted; null for the usual places.</param>
/// <param name="cancellation">Stops walks of ranges.</param>
public sealed class PageTableReader(
    KernelReadSource source = KernelReadSource.Auto, KernelFiles? files = null, CancellationToken cancellation = default)
    : IDisposable
{
    private readonly KernelReader _reader = new(source, files);
    private (LinuxProcess Process, PageTableWalker Walker)? _last;

    /// <summary>The method that reads the kernel's memory: never Auto.</summary>
    /// <exception cref="MemProcException">ReadKernelMemory, ReadBtf: no method works; the message has the reasons.</exception>
    public KernelReadSource Source => _reader.Source;

    /// <summary>Prepares walks of a process, so that errors that concern all of them appear here.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EACCES if this user may not read the process; nothing of the kernel was read then. ReadKernelMemory:
    /// EPERM if a capability is missing, EOPNOTSUPP if this kernel does not allow it; the message has the reason. ReadBtf:
    /// the kernel has no type information.
    /// </exception>
    public void Prepare(LinuxProcess process) => WalkerOf(process);

    /// <summary>Returns the entries from the root of a process' page table to the page of an address.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The address.</param>
    /// <exception cref="MemProcException">
    /// Those of <see cref="Prepare"/>. WalkPageTable: EINVAL for a kernel address; EFAULT for an address outside user space;
    /// EAGAIN if the page keeps changing; ESRCH if the process exits.
    /// </exception>
    public IReadOnlyList<PageTableEntry> Entries(LinuxProcess process, ulong address)
    {
        PageTableWalker walker = WalkerOf(process);
        Span<PageTableStep> steps = stackalloc PageTableStep[PageTableFormat.MaxLevels];
        PageTableEntry[] entries = new PageTableEntry[walker.Walk(address, steps)];
        for (int index = 0; index < entries.Length; index++)
        {
            entries[index] = new PageTableEntry(walker.Context, address, steps[index]);
        }

        return entries;
    }

    /// <summary>
    /// Returns the entries for each page of a range. Each last entry appears once: a large page is one walk, and so are the
    /// addresses that an empty entry covers.
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

    /// <summary>Walks to an address and returns the last entry.</summary>
    /// <inheritdoc cref="Entries"/>
    public PageTableWalk Walk(LinuxProcess process, ulong address)
    {
        PageTableWalker walker = WalkerOf(process);
        Span<PageTableStep> steps = stackalloc PageTableStep[PageTableFormat.MaxLevels];
        int count = walker.Walk(address, steps);
        return new PageTableWalk(new PageTableEntry(walker.Context, address, steps[count - 1]));
    }

    /// <summary>Walks to each page of a range. Each last entry appears once.</summary>
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
    public void Dispose() => _reader.Dispose();

    private PageTableWalker WalkerOf(LinuxProcess process)
    {
        if (_last?.Process != process)
        {
            _last = (process, new PageTableWalker(_reader, process));
        }

        return _last.Value.Walker;
    }
}

namespace MemProc.PowerShell;

/// <summary>The ranges to read while processes are stopped, by process, in the order in which they came.</summary>
internal sealed class StoppedReadRanges
{
    private readonly List<ProcessRanges> _all = [];

    /// <summary>The ranges of each process.</summary>
    public IReadOnlyList<ProcessRanges> All => _all;

    /// <summary>Adds a range.</summary>
    /// <param name="process">The process; it has to stay open.</param>
    /// <param name="address">The first byte.</param>
    /// <param name="length">Number of bytes; null where the form of the read determines it.</param>
    /// <param name="retainedBytes">Bytes that are kept in memory until the process runs again.</param>
    public void Add(LinuxProcess process, ulong address, ulong? length, UInt128 retainedBytes)
    {
        ProcessRanges? same = _all.Find(held => held.Process == process);
        if (same is null)
        {
            _all.Add(same = new ProcessRanges(process));
        }

        same.Ranges.Add((address, length));
        same.RetainedBytes += retainedBytes;
    }

    /// <summary>The ranges of one process.</summary>
    internal sealed class ProcessRanges(LinuxProcess process)
    {
        public LinuxProcess Process => process;

        public List<(ulong Address, ulong? Length)> Ranges { get; } = [];

        public UInt128 RetainedBytes { get; set; }
    }
}

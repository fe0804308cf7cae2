namespace MemProc.PowerShell;

/// <summary>What is to be read while processes are stopped, by process, in the order in which it came.</summary>
internal sealed class HeldRanges
{
    private readonly List<OfProcess> _all = [];

    /// <summary>The ranges of each process.</summary>
    public IReadOnlyList<OfProcess> All => _all;

    /// <summary>Notes a range.</summary>
    /// <param name="identity">Of which process.</param>
    /// <param name="address">Its first byte.</param>
    /// <param name="length">Its bytes; null where its form says how many.</param>
    /// <param name="bytesKept">What of it is kept until the process runs again.</param>
    public void Add(ProcessIdentity identity, ulong address, ulong? length, UInt128 bytesKept)
    {
        OfProcess? same = _all.Find(held => held.Identity == identity);
        if (same is null)
        {
            _all.Add(same = new OfProcess(identity));
        }

        same.Ranges.Add((address, length));
        same.BytesKept += bytesKept;
    }

    /// <summary>The ranges of one process.</summary>
    internal sealed class OfProcess(ProcessIdentity identity)
    {
        public ProcessIdentity Identity => identity;

        public List<(ulong Address, ulong? Length)> Ranges { get; } = [];

        public UInt128 BytesKept { get; set; }
    }
}

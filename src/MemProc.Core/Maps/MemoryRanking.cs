namespace MemProc;

/// <summary>What processes are ranked by.</summary>
public enum MemoryCounter
{
    /// <summary>VmRSS: bytes in memory.</summary>
    Rss,
    /// <summary>Bytes in memory, each page divided by the number of processes that map it. Requires smaps_rollup.</summary>
    Pss,
    /// <summary>Bytes in memory that no other process maps. Requires smaps_rollup.</summary>
    Uss,
    /// <summary>VmSwap: bytes in swap.</summary>
    Swap,
    /// <summary>VmSize: bytes of address space.</summary>
    Size,
    /// <summary>VmHWM: the most bytes that were in memory.</summary>
    Peak,
}

/// <summary>Keeps the processes with the largest value of a counter, however many are added.</summary>
/// <param name="count">How many to keep, at least one.</param>
/// <param name="counter">The counter.</param>
public sealed class MemoryRanking(int count, MemoryCounter counter)
{
    private readonly PriorityQueue<ProcMemoryStatus, (ulong Bytes, int Id)> _largest = new();

    /// <summary>Whether the counter requires <see cref="MemoryStatusReader.ReadDetailed"/>.</summary>
    public bool NeedsDetail => counter is MemoryCounter.Pss or MemoryCounter.Uss;

    /// <summary>Adds a process. One without the counter is left out.</summary>
    public void Add(ProcMemoryStatus status)
    {
        ArgumentNullException.ThrowIfNull(status);
        if (ValueOf(status) is ulong bytes)
        {
            _largest.Enqueue(status, (bytes, -status.ProcessId));
            if (_largest.Count > count)
            {
                _largest.Dequeue();
            }
        }
    }

    /// <summary>Removes and returns the processes, largest first; those of equal size by id.</summary>
    public IReadOnlyList<ProcMemoryStatus> Take()
    {
        List<ProcMemoryStatus> result = [];
        while (_largest.TryDequeue(out ProcMemoryStatus? status, out _))
        {
            result.Add(status);
        }

        result.Reverse();
        return result;
    }

    private ulong? ValueOf(ProcMemoryStatus status) => counter switch
    {
        MemoryCounter.Pss => (status as ProcMemoryStatusDetail)?.PssBytes,
        MemoryCounter.Uss => (status as ProcMemoryStatusDetail)?.UssBytes,
        MemoryCounter.Swap => status.VmSwapBytes,
        MemoryCounter.Size => status.VmSizeBytes,
        MemoryCounter.Peak => status.VmHwmBytes,
        _ => status.VmRssBytes,
    };
}

namespace MemProc;

/// <summary>Pages or frames that were marked as idle, and the result.</summary>
public sealed class PageIdleMark
{
    private readonly ProcessIdentity? _process;

    internal PageIdleMark(ProcessIdentity? process, ulong? address, ulong? length, ulong? pfn)
    {
        _process = process;
        Address = address;
        Length = length;
        Pfn = pfn;
    }

    /// <summary>The process id; null where frames were given by number.</summary>
    public int? ProcessId => _process?.ProcessId;

    /// <summary>The process' name; null where frames were given by number.</summary>
    public string? ProcessName => _process?.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong? ProcessStartTicks => _process?.StartTicks;

    /// <summary>Address of the first page; null for a whole process and for frames.</summary>
    public ulong? Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string? AddressHex => HexText.Of(Address);

    /// <summary>Bytes from <see cref="Address"/>; null like it.</summary>
    public ulong? Length { get; }

    /// <summary>The first frame where frames were given by number; otherwise null.</summary>
    public ulong? Pfn { get; }

    /// <summary><see cref="Pfn"/> in hex.</summary>
    public string? PfnHex => HexText.Of(Pfn);

    /// <summary>Pages in memory, or frames, in all: the sum of the three counts below.</summary>
    public ulong PageCount => IdleCount + TouchedCount + UnmarkableCount;

    /// <summary>Pages that are idle, read directly after they were marked.</summary>
    public ulong IdleCount { get; private set; }

    /// <summary>Pages that could be marked and were no longer idle when they were read.</summary>
    public ulong TouchedCount { get; private set; }

    /// <summary>
    /// Pages that are not on an LRU list, which the kernel does not mark: pages of the kernel, of devices and of
    /// hugetlbfs, the zero page, and new pages that are still in a processor's queue.
    /// </summary>
    public ulong UnmarkableCount { get; private set; }

    /// <summary>Counts a page.</summary>
    /// <param name="isMarkable">Whether it is on an LRU list.</param>
    /// <param name="isIdle">Whether it was idle when it was read.</param>
    internal void Count(bool isMarkable, bool isIdle)
    {
        IdleCount += isMarkable && isIdle ? 1UL : 0;
        TouchedCount += isMarkable && !isIdle ? 1UL : 0;
        UnmarkableCount += isMarkable ? 0 : 1UL;
    }

    /// <summary>Returns the pages that were marked.</summary>
    public override string ToString() =>
        $"{(Pfn is ulong pfn ? $"frame 0x{pfn:x}" : _process?.ToString())}: {IdleCount} of {PageCount} pages idle";
}

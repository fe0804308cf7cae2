namespace MemProc;

/// <summary>A process whose soft-dirty bits were cleared.</summary>
public sealed class SoftDirtyClear
{
    private readonly ProcessIdentity _process;

    internal SoftDirtyClear(ProcessIdentity process, DateTime time)
    {
        _process = process;
        Time = time;
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _process.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => _process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => _process.StartTicks;

    /// <summary>When they were cleared, in local time: pages that are soft-dirty have been written to since.</summary>
    public DateTime Time { get; }
}

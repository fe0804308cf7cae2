namespace MemProc;

/// <summary>Memory of a process that was saved.</summary>
public sealed class MemoryDump
{
    private readonly ProcessIdentity _process;

    internal MemoryDump(ProcessIdentity process) => _process = process;

    /// <summary>The process id.</summary>
    public int ProcessId => _process.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => _process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => _process.StartTicks;

    /// <summary>The core file, or the folder.</summary>
    public required string Path { get; init; }

    /// <summary>What it was saved as.</summary>
    public required MemoryDumpFormat Format { get; init; }

    /// <summary>It is compressed, by gzip.</summary>
    public required bool IsCompressed { get; init; }

    /// <summary>
    /// All threads were held while it was saved, so that all of it is of one moment. Otherwise the process ran on, and
    /// what it changed meanwhile may be half in it.
    /// </summary>
    public required bool IsConsistent { get; init; }

    /// <summary>Mappings that it covers, those without a byte saved too.</summary>
    public required int MappingCount { get; init; }

    /// <summary>Threads whose registers are in it.</summary>
    public required int ThreadCount { get; init; }

    /// <summary>Length of the file, or of all files; holes count.</summary>
    public required ulong SizeBytes { get; init; }

    /// <summary>Memory that was read and takes room in it: pages that hold nothing but zeros do not.</summary>
    public required ulong SavedBytes { get; init; }

    /// <summary>
    /// What is not in it, in address order: not resident, left out, or refused. Memory that was never touched holds
    /// zeros and is no gap.
    /// </summary>
    public required MemoryGap[] Gaps { get; init; }

    /// <summary>When it was begun, in local time.</summary>
    public required DateTime Time { get; init; }
}

namespace MemProc;

/// <summary>
/// Numbers in the memory of a process that may be the one that is looked for, and what they were. Each round of
/// narrowing makes a new scan with fewer of them; the one before stays as it is. Candidates take a bit each, or less,
/// besides the numbers, never an object.
/// </summary>
public sealed class MemoryScan
{
    private readonly ScanBlock[] _blocks;

    internal MemoryScan(
        ProcessIdentity process, MemoryValueType type, ScanLayout layout, List<ScanBlock> blocks, int rounds,
        ulong lost)
    {
        Process = process;
        Type = type;
        Layout = layout;
        _blocks = [.. blocks];
        Rounds = rounds;
        LostCount = lost;
        foreach (ScanBlock block in blocks)
        {
            Count += (ulong)block.Count;
            HeldBytes += (ulong)block.HeldBytes;
        }
    }

    /// <summary>The process id.</summary>
    public int ProcessId => Process.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => Process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => Process.StartTicks;

    /// <summary>The type of the numbers.</summary>
    public MemoryValueType Type { get; }

    /// <summary>They begin at multiples of this, in bytes.</summary>
    public int Alignment => Layout.Alignment;

    /// <summary>How many candidates there are.</summary>
    public ulong Count { get; }

    /// <summary>How many times the memory was looked at.</summary>
    public int Rounds { get; }

    /// <summary>Candidates that the last round lost because their memory can no longer be read.</summary>
    public ulong LostCount { get; }

    /// <summary>Bytes of this process' memory that it takes.</summary>
    public ulong HeldBytes { get; }

    internal ProcessIdentity Process { get; }

    internal ScanLayout Layout { get; }

    internal IReadOnlyList<ScanBlock> Blocks => _blocks;

    /// <summary>Opens the process that was scanned.</summary>
    /// <exception cref="MemProcException">OpenProcess,ESRCH: it has ended, be its number used again or not.</exception>
    public LinuxProcess OpenProcess() => LinuxProcess.Open(ProcessId, ProcessStartTicks);

    /// <summary>The candidates as they were in the last round, in address order.</summary>
    /// <param name="process">The process, for its mappings as they are now.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="MemProcException">ReadMaps failed.</exception>
    public IEnumerable<MemoryMatch> Matches(LinuxProcess process, CancellationToken cancellation = default)
    {
        ProcMap[] maps = [.. MapReader.Read(process, cancellation)];
        int map = 0;
        foreach (ScanBlock block in _blocks)
        {
            foreach ((int slot, byte[] number) in block.Read())
            {
                cancellation.ThrowIfCancellationRequested();
                ulong address = block.Address + Layout.OffsetOf(slot);
                while (map < maps.Length && maps[map].End <= address)
                {
                    map++;
                }

                ProcMap? mapped = map < maps.Length && maps[map].Start <= address ? maps[map] : null;
                yield return new MemoryMatch(
                    Process, mapped, address, number, Type, MemoryValue.Decode(number, Type));
            }
        }
    }
}

namespace MemProc;

/// <summary>
/// Candidates for a number in the memory of a process, with their values. Each round of narrowing creates a new scan
/// with fewer of them; the previous one stays as it is. A candidate takes a bit or less besides its value, never an
/// object.
/// </summary>
public sealed class MemoryScan : ProcessOutput
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

    /// <summary>The type of the numbers.</summary>
    public MemoryValueType Type { get; }

    /// <summary>The numbers begin at multiples of this, in bytes.</summary>
    public int Alignment => Layout.Alignment;

    /// <summary>Number of candidates.</summary>
    public ulong Count { get; }

    /// <summary>How many times the memory was read.</summary>
    public int Rounds { get; }

    /// <summary>Candidates that the last round dropped because their memory can no longer be read.</summary>
    public ulong LostCount { get; }

    /// <summary>Bytes of memory that the scan itself holds.</summary>
    public ulong HeldBytes { get; }

    internal override ProcessIdentity Process { get; }

    internal ScanLayout Layout { get; }

    internal IReadOnlyList<ScanBlock> Blocks => _blocks;

    /// <summary>Opens the process or core that was scanned.</summary>
    /// <exception cref="MemProcException">
    /// OpenProcess,ESRCH: it has exited, even if its id is in use again. Of a core as for <see cref="CoreFile.Open"/>.
    /// </exception>
    public MemoryTarget OpenTarget() =>
        CorePath is null ? LinuxProcess.Open(ProcessId, ProcessStartTicks) : CoreFile.Open(CorePath);

    /// <summary>Returns the candidates as they were in the last round, in address order.</summary>
    /// <param name="process">The process, for its present mappings.</param>
    /// <param name="cancellation">Stops the enumeration.</param>
    /// <exception cref="MemProcException">ReadMaps failed.</exception>
    public IEnumerable<MemoryMatch> Matches(MemoryTarget process, CancellationToken cancellation = default)
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

    /// <summary>Returns process and number of matches.</summary>
    public override string ToString() => $"{Process}: {Count} matches of {Type}";
}

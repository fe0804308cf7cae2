namespace MemProc;

/// <summary>Looks at single matches again.</summary>
/// <param name="process">The process that they are of.</param>
/// <param name="cancellation">Stops the reading.</param>
public sealed class MatchReader(LinuxProcess process, CancellationToken cancellation = default)
{
    private readonly MemoryReader _reader = new(process, ReadMethod.Auto, cancellation);
    private ProcMap? _map;

    /// <summary>A match as it is now, with what it was; null where it does not stay.</summary>
    /// <param name="address">Address of the first byte.</param>
    /// <param name="before">The bytes as they were.</param>
    /// <param name="type">What they are a number of; null where they are none.</param>
    /// <param name="value">The number or text that they were.</param>
    /// <param name="test">Which matches stay; those that are no numbers can be held against their bytes alone.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EFAULT where they can no longer be read, ESRCH where the process has exited.
    /// </exception>
    public MemoryMatch? Read(ulong address, byte[] before, MemoryValueType? type, object? value, ScanTest test)
    {
        byte[] now = _reader.ReadWhole(address, (ulong)before.Length);
        if (!test.Keeps(now, before))
        {
            return null;
        }

        if (_map is null || address < _map.Start || address >= _map.End)
        {
            _map = MapReader.Find(process, address);
        }

        MemoryMatch previous = new(process.Identity, _map, address, before, type, value);
        object? present = type is MemoryValueType known ? MemoryValue.Decode(now, known)
            : now.AsSpan().SequenceEqual(before) ? value
            : null;
        return new MemoryMatch(process.Identity, _map, address, now, type, present, previous);
    }
}

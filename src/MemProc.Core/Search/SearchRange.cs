using MemProc.Interop;

namespace MemProc;

/// <summary>Which memory of a process is looked at.</summary>
public sealed class SearchRange
{
    /// <summary>Everything that can be mapped.</summary>
    public static SearchRange All { get; } = new();

    /// <summary>Which mappings.</summary>
    public MapFilter Filter { get; init; } = new();

    /// <summary>First address.</summary>
    public ulong Start { get; init; }

    /// <summary>First address behind the range.</summary>
    public ulong End { get; init; } = long.MaxValue;

    /// <summary>
    /// What is not in memory is looked at too: it is let in, so that the process grows, and what was swapped out comes
    /// back.
    /// </summary>
    public bool IncludeNotResident { get; init; }

    /// <summary>How memory is read.</summary>
    public ReadMethod Method { get; init; }

    /// <summary>A range from an address on.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes; null: all from there on.</param>
    /// <exception cref="MemProcException">SearchMemory,EINVAL: an impossible range.</exception>
    public SearchRange From(ulong address, ulong? length) => new()
    {
        Filter = Filter,
        Start = address,
        End = UserRange.End(address, length ?? (address < long.MaxValue ? long.MaxValue - address : 1), Operation.SearchMemory),
        IncludeNotResident = IncludeNotResident,
        Method = Method,
    };

    /// <summary>The mappings that it takes in, in address order.</summary>
    /// <exception cref="MemProcException">FindMap,ENOENT: nothing is mapped in the range. ReadMaps failed.</exception>
    internal ProcMap[] Maps(LinuxProcess process, CancellationToken cancellation)
    {
        ProcMap[] mapped = [.. MapReader.Read(process, cancellation)
            .Where(map => map.Start < End && map.End > Start && map.Kind != ProcMapKind.Vsyscall)];
        return mapped.Length > 0
            ? [.. mapped.Where(Filter.Matches)]
            : throw new MemProcException(Operation.FindMap, Errno.ENOENT,
                $"Process {process.Identity}: nothing is mapped from 0x{Start:x} on{Length}.", Start);
    }

    private string Length => End == long.MaxValue ? string.Empty : $" for {HumanSize.Format(End - Start)}";
}

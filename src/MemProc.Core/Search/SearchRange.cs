using MemProc.Interop;

namespace MemProc;

/// <summary>Which memory of a process is searched.</summary>
public sealed class SearchRange
{
    /// <summary>Everything that can be mapped.</summary>
    public static SearchRange All { get; } = new();

    /// <summary>Which mappings are searched.</summary>
    public MapFilter Filter { get; init; } = new();

    /// <summary>First address.</summary>
    public ulong Start { get; init; }

    /// <summary>First address after the range.</summary>
    public ulong End { get; init; } = long.MaxValue;

    /// <summary>
    /// Whether pages that are not resident are searched, too. They are faulted in: the process grows, and swapped pages
    /// are read back.
    /// </summary>
    public bool IncludeNotResident { get; init; }

    /// <inheritdoc cref="MemoryReader.AllowUserfault"/>
    public bool AllowUserfault { get; init; }

    /// <summary>How memory is read.</summary>
    public ReadMethod Method { get; init; }

    /// <summary>
    /// Returns the parts of a range that are searched, in address order; null: the resident pages, or all.
    /// </summary>
    internal Func<ulong, ulong, IEnumerable<AddressRange>>? Parts { get; private init; }

    /// <summary>Returns the same selection, but of some parts of the memory only.</summary>
    /// <param name="parts">Returns the parts of a range that are searched, in address order.</param>
    internal SearchRange OfPages(Func<ulong, ulong, IEnumerable<AddressRange>> parts) => new()
    {
        Filter = Filter,
        Start = Start,
        End = End,
        Method = Method,
        Parts = parts,
    };

    /// <summary>Returns the same selection within a range.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Length in bytes; null: to the end of user space.</param>
    /// <exception cref="MemProcException">SearchMemory,EINVAL: not a valid range.</exception>
    public SearchRange From(ulong address, ulong? length) => new()
    {
        Filter = Filter,
        Start = address,
        End = UserRange.End(
            address, length ?? (address < long.MaxValue ? long.MaxValue - address : 1), Operation.SearchMemory),
        IncludeNotResident = IncludeNotResident,
        AllowUserfault = AllowUserfault,
        Method = Method,
    };

    /// <summary>Returns the selected mappings, in address order.</summary>
    /// <exception cref="MemProcException">FindMap,ENOENT: nothing is mapped in the range. ReadMaps failed.</exception>
    internal ProcMap[] Maps(MemoryTarget process, CancellationToken cancellation)
    {
        // There can be a search for each of many mappings, which must not read the whole list each time.
        ProcMap[] mapped = [.. (Start == 0 ? MapReader.Read(process, cancellation) : MapReader.Between(process, Start, End, cancellation))
            .Where(map => map.Start < End && map.End > Start && map.Kind != ProcMapKind.Vsyscall)];
        return mapped.Length > 0
            ? [.. mapped.Where(Filter.Matches)]
            : throw new MemProcException(Operation.FindMap, Errno.ENOENT,
                $"Process {process.Identity}: nothing is mapped from 0x{Start:x} on{Length}.", Start);
    }

    private string Length => End == long.MaxValue ? string.Empty : $" for {HumanSize.Format(End - Start)}";
}

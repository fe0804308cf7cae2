namespace MemProc;

/// <summary>Selects mappings of a process by address and by filter.</summary>
public static class MapSelection
{
    /// <summary>Reads mappings: all, or the one that holds an address.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The address; null: all mappings.</param>
    /// <param name="detailed">Return <see cref="ProcMapDetail"/> objects.</param>
    /// <param name="filter">Which mappings.</param>
    /// <param name="cancellation">Stops the read.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps as for <see cref="MapReader.Read"/>; FindMap, ENOENT: nothing is mapped at the address.
    /// </exception>
    public static IEnumerable<ProcMap> Read(
        MemoryTarget process, ulong? address, bool detailed, MapFilter filter, CancellationToken cancellation) =>
        detailed ? ReadDetailed(process, address, filter, cancellation)
        : address is ulong held
            ? new[] { MapReader.Find(process, held, cancellation) ?? throw MapReader.NotMapped(process, held) }.Where(filter.Matches)
        : MapReader.Read(process, cancellation).Where(filter.Matches);

    /// <summary>
    /// Reads mappings with their memory policy and the NUMA nodes of their pages. The kernel walks the page table of each
    /// mapping up to the last one that is selected.
    /// </summary>
    /// <inheritdoc cref="Read" path="/param"/>
    /// <exception cref="MemProcException">
    /// ReadMaps as for <see cref="MapReader.Read"/>, and ENOENT on kernels without CONFIG_NUMA; FindMap, ENOENT: nothing is
    /// mapped at the address.
    /// </exception>
    public static IEnumerable<ProcMapNuma> ReadNuma(
        LinuxProcess process, ulong? address, MapFilter filter, CancellationToken cancellation) =>
        ProcMapNuma.Read(process, Read(process, address, detailed: false, filter, cancellation), cancellation);

    /// <summary>
    /// Reads the list of mappings at once, which is cheap and enough to explain them, and then smaps mapping by mapping.
    /// The kernel walks the page table for each of those, so the last selected mapping is the last one that is read.
    /// </summary>
    private static IEnumerable<ProcMapDetail> ReadDetailed(
        MemoryTarget process, ulong? address, MapFilter filter, CancellationToken cancellation)
    {
        using MappedImages images = new(process, cancellation);
        if (address is ulong held && images.IndexOf(held) < 0)
        {
            throw MapReader.NotMapped(process, held);
        }

        if (images.Maps.LastOrDefault(IsSelected) is not ProcMap last)
        {
            yield break;
        }

        MapLayout layout = new(images);
        foreach ((ProcMap map, SmapsCounters counters) in Smaps.Read<SmapsCounters>(process, cancellation))
        {
            if (IsSelected(map))
            {
                yield return new ProcMapDetail(map, counters, layout.Explain(map));
            }

            if (map.End >= last.End)
            {
                yield break;
            }
        }

        bool IsSelected(ProcMap map) => (address is not ulong at || map.Contains(at)) && filter.Matches(map);
    }
}

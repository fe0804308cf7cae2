namespace MemProc;

/// <summary>Selects the mappings of a process that a caller asked for, explained by the images that they show.</summary>
public static class MapSelection
{
    /// <summary>The mappings that a person asked for: all, or the one that holds an address.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The address; null: all mappings.</param>
    /// <param name="detailed">Give <see cref="ProcMapDetail"/>.</param>
    /// <param name="filter">Which of them.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="MemProcException">As for <see cref="MapReader.Read"/>; FindMap: ENOENT at an unmapped address.</exception>
    public static IEnumerable<ProcMap> Read(
        LinuxProcess process, ulong? address, bool detailed, MapFilter filter, CancellationToken cancellation)
    {
        IEnumerable<ProcMap> maps = detailed ? MapReader.ReadDetailed(process, cancellation) : MapReader.Read(process, cancellation);
        if (address is ulong held)
        {
            ProcMap? map = detailed
                ? maps.FirstOrDefault(map => map.Start <= held && held < map.End)
                : MapReader.Find(process, held);
            maps = [map ?? throw MapReader.NotMapped(process, held)];
        }

        maps = maps.Where(filter.Matches);
        return detailed ? Explained(process, maps, cancellation) : maps;
    }

    private static IEnumerable<ProcMap> Explained(
        LinuxProcess process, IEnumerable<ProcMap> maps, CancellationToken cancellation)
    {
        MapLayout layout = new(process, cancellation);
        foreach (ProcMap map in maps)
        {
            yield return new ProcMapDetail((ProcMapDetail)map, layout.Explain(map));
        }
    }
}

using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace MemProc;

/// <summary>Paints the address space of a process or of a core.</summary>
public static class MapPainter
{
    /// <summary>Mappings that the text of a cell names.</summary>
    private const int MaxNamed = 3;

    /// <summary>Paints an address space.</summary>
    /// <param name="target">The process or core.</param>
    /// <param name="by">What the colors show.</param>
    /// <param name="columns">Cells of a row, at least 1.</param>
    /// <param name="isColored">Lines of text have colors.</param>
    /// <param name="cancellation">Stops the painting.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps, ReadPageMap, ReadNodes, ReadPageFlags failed; ReadCore, EOPNOTSUPP: it is a core, which does not have these
    /// colors; ESRCH where the process exits meanwhile, or has no mappings.
    /// </exception>
    public static MapPicture Paint(MemoryTarget target, MapPictureGrouping by, int columns, bool isColored = false,
        CancellationToken cancellation = default)
    {
        if (target is not LinuxProcess && by > MapPictureGrouping.Residency)
        {
            throw CoreFile.NotLive(target.CorePath!, $"a picture by {by}");
        }

        List<ProcMap> maps = [.. MapReader.Read(target, cancellation)];
        if (maps.Count == 0)
        {
            throw target.NoMemory(Operation.ReadMaps);
        }

        using PageStates? states = PageStates.Create(target, by, cancellation);
        PictureValue[] values = states?.Values ?? (by == MapPictureGrouping.Kind ? PictureValues.Kinds : PictureValues.Permissions);
        int[] starts = PictureLayout.Divide(maps);
        ulong[] sums = new ulong[values.Length];
        List<(PictureRegion Region, CellCounts Counts, List<ProcMap> Maps)> regions = [];
        for (int index = 0; index < starts.Length; index++)
        {
            int end = index + 1 < starts.Length ? starts[index + 1] : maps.Count;
            List<ProcMap> some = maps[starts[index]..end];
            PictureRegion region = Region(some, starts[index] == 0 ? null : maps[starts[index] - 1], columns);
            CellCounts counts = new(region.Start, region.SizeBytes, region.CellBytes, values.Length);
            foreach (ProcMap map in some)
            {
                cancellation.ThrowIfCancellationRequested();
                if (states is null)
                {
                    counts.Add(new AddressRange(map.Start, map.End), by == MapPictureGrouping.Kind
                        ? PictureValues.OfKind(map) : PictureValues.OfPermission(map));
                }
                else
                {
                    states.AddTo(counts, map);
                }
            }

            for (int cell = 0; cell < counts.Count; cell++)
            {
                for (int value = 0; value < values.Length; value++)
                {
                    sums[value] += counts[cell][value];
                }
            }

            regions.Add((region, counts, some));
        }

        if (states is not null)
        {
            // What no page was counted for.
            ulong mapped = regions.Aggregate(0UL, (sum, part) => sum + part.Region.MappedBytes);
            sums[0] = mapped - Math.Min(mapped, sums.Aggregate(0UL, (sum, bytes) => sum + bytes));
        }

        target.ThrowIfExited(Operation.ReadMaps);
        int[] shown = [.. Enumerable.Range(0, values.Length).Where(value => sums[value] > 0)];
        return new MapPicture(target.Identity, by, states?.Title ?? $"Address space by {(by == MapPictureGrouping.Kind ? "kind" : "permission")}",
            [.. shown.Select(value => new PictureLegendEntry(values[value], sums[value]))],
            [.. regions.Select(part => WithCells(part.Region, part.Counts, part.Maps, values, shown, states is not null))])
        {
            IsColored = isColored,
        };
    }

    private static PictureRegion Region(List<ProcMap> maps, ProcMap? before, int columns)
    {
        ulong start = maps[0].Start, end = maps[^1].End, mapped = 0;
        Dictionary<string, ulong> names = [];
        foreach (ProcMap map in maps)
        {
            mapped += map.SizeBytes;
            CollectionsMarshal.GetValueRefOrAddDefault(names, NameOf(map), out _) += map.SizeBytes;
        }

        string largest = names.MaxBy(name => name.Value).Key;
        return new PictureRegion
        {
            Start = start,
            End = end,
            MappedBytes = mapped,
            MapCount = maps.Count,
            HoleBytes = before is null ? 0 : start - before.End,
            Name = names.Count == 1 ? largest : string.Create(CultureInfo.InvariantCulture, $"{largest} and {names.Count - 1} more"),
            CellBytes = PictureLayout.CellBytes(end - start, columns, isSingle: maps.Count == 1),
            Columns = columns,
            Cells = [],
        };
    }

    private static string NameOf(ProcMap map) => map.Path.Length > 0 ? Path.GetFileName(map.Path)
        : map.IsReadable || map.IsWritable || map.IsExecutable ? "anonymous memory" : "reserved memory";

    private static PictureRegion WithCells(
        PictureRegion region, CellCounts counts, List<ProcMap> maps, PictureValue[] values, int[] shown, bool hasStates)
    {
        PictureCell[] cells = new PictureCell[counts.Count];
        int first = 0;
        StringBuilder text = new(), parts = new();
        for (int index = 0; index < cells.Length; index++)
        {
            ulong start = region.Start + (ulong)index * region.CellBytes;
            ulong end = Math.Min(start + region.CellBytes, region.End);
            while (first < maps.Count && maps[first].End <= start)
            {
                first++;
            }

            int last = first;
            ulong mapped = 0;
            text.Clear();
            for (; last < maps.Count && maps[last].Start < end; last++)
            {
                mapped += Math.Min(maps[last].End, end) - Math.Max(maps[last].Start, start);
                if (last - first < MaxNamed)
                {
                    Describe(text, maps[last]);
                }
            }

            if (last - first > MaxNamed)
            {
                text.Append(CultureInfo.InvariantCulture, $"and {last - first - MaxNamed} more mappings\n");
            }

            ReadOnlySpan<ulong> bytes = counts[index];
            (int value, int share) = hasStates ? OfStates(bytes, mapped) : (OfKinds(bytes, values), 4);
            parts.Clear();
            AppendParts(parts, bytes, values, hasStates);
            cells[index] = new PictureCell(
                mapped == 0 ? -1 : Array.IndexOf(shown, value), share, text.ToString().TrimEnd('\n'), parts.ToString());
        }

        return new PictureRegion
        {
            Start = region.Start,
            End = region.End,
            MappedBytes = region.MappedBytes,
            MapCount = region.MapCount,
            HoleBytes = region.HoleBytes,
            Name = region.Name,
            CellBytes = region.CellBytes,
            Columns = region.Columns,
            Cells = cells,
        };
    }

    /// <summary>Returns the value of most bytes. Memory that is writable and executable always shows.</summary>
    private static int OfKinds(ReadOnlySpan<ulong> bytes, PictureValue[] values)
    {
        if (values == PictureValues.Permissions && bytes[PictureValues.WriteExecute] > 0)
        {
            return PictureValues.WriteExecute;
        }

        int most = 0;
        for (int value = 1; value < bytes.Length; value++)
        {
            most = bytes[value] > bytes[most] ? value : most;
        }

        return most;
    }

    /// <summary>Returns the state of most pages that have one, and how much of what is mapped has one.</summary>
    private static (int Value, int Share) OfStates(ReadOnlySpan<ulong> bytes, ulong mapped)
    {
        int most = 0;
        ulong sum = 0;
        for (int value = 1; value < bytes.Length; value++)
        {
            sum += bytes[value];
            most = bytes[value] > (most == 0 ? 0 : bytes[most]) ? value : most;
        }

        return (most, mapped == 0 || most == 0 ? 4 : (int)Math.Clamp(Math.Ceiling(4.0 * sum / mapped), 1, 4));
    }

    private static void Describe(StringBuilder text, ProcMap map) => text
        .Append(CultureInfo.InvariantCulture, $"0x{map.Start:x}-0x{map.End:x} {map.Permissions} {HumanSize.Format(map.SizeBytes)}")
        .Append(map.Path.Length > 0 ? $" {SafeText.Escape(map.Path)}\n" : "\n");

    private static void AppendParts(StringBuilder text, ReadOnlySpan<ulong> bytes, PictureValue[] values, bool hasStates)
    {
        for (int value = hasStates ? 1 : 0; value < bytes.Length; value++)
        {
            if (bytes[value] > 0)
            {
                text.Append(text.Length == 0 ? string.Empty : "; ")
                    .Append(CultureInfo.InvariantCulture, $"{values[value].Name} {HumanSize.Format(bytes[value])}");
            }
        }
    }
}

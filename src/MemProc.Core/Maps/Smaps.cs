using MemProc.Interop;

namespace MemProc;

/// <summary>Reads <c>/proc/PID/smaps</c> mapping by mapping.</summary>
internal static class Smaps
{
    /// <summary>Reads the mappings in address order, each with what is kept of its lines.</summary>
    /// <typeparam name="T">Keeps the lines.</typeparam>
    /// <inheritdoc cref="MapReader.Read" path="/param"/>
    /// <inheritdoc cref="MapReader.Read" path="/exception"/>
    public static IEnumerable<(ProcMap Map, T Lines)> Read<T>(MemoryTarget process, CancellationToken cancellation)
        where T : class, ISmapsLineHandler, new()
    {
        using ProcfsLines lines = new(process, "smaps", Operation.ReadMaps);
        int count = 0;
        ulong end = 0;
        bool more = lines.MoveNext();
        while (more)
        {
            cancellation.ThrowIfCancellationRequested();
            ProcMap map = MapReader.Parse(lines.Current, process, count, cancellation);
            T kept = new();
            while ((more = lines.MoveNext()) && !SmapsLine.IsHeader(lines.Current))
            {
                kept.Add(lines.Current);
            }

            if (!MapReader.IsRepeated(map, end))
            {
                end = map.End;
                count++;
                yield return (map, kept);
            }
        }

        MapReader.ThrowIfIncomplete(process, count);
    }
}

/// <summary>Keeps the lines after the header of a mapping in smaps.</summary>
internal interface ISmapsLineHandler
{
    /// <summary>Adds the next line.</summary>
    void Add(ReadOnlySpan<byte> line);
}

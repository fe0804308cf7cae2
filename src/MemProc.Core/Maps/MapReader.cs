using System.Runtime.CompilerServices;
using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>Reads the mappings of a process, one by one.</summary>
public static class MapReader
{
    private static readonly ConditionalWeakTable<MemoryTarget, MapsOfCore> OfCores = [];

    /// <summary>Reads all mappings in address order.</summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Stops the read.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps: EACCES; ESRCH where the process is a kernel thread, or exits before the list is complete.
    /// </exception>
    public static IEnumerable<ProcMap> Read(MemoryTarget process, CancellationToken cancellation = default)
    {
        // Those of a core do not change, and are parsed once.
        return process.CorePath is null ? ReadLines(process, cancellation)
            : OfCores.GetValue(process, core => new MapsOfCore([.. ReadLines(core, cancellation)])).Maps;
    }

    private static IEnumerable<ProcMap> ReadLines(MemoryTarget process, CancellationToken cancellation)
    {
        using ProcfsLines lines = new(process, "maps", Operation.ReadMaps);
        int index = 0;
        ulong end = 0;
        while (lines.MoveNext())
        {
            cancellation.ThrowIfCancellationRequested();
            ProcMap map = Parse(lines.Current, process, index, cancellation);
            if (IsRepeated(map, end))
            {
                continue;
            }

            end = map.End;
            index++;
            yield return map;
        }

        ThrowIfIncomplete(process, index);
    }

    /// <summary>
    /// Reads all mappings with their smaps counters. The kernel walks the page table for each and blocks the process
    /// meanwhile.
    /// </summary>
    /// <inheritdoc cref="Read" path="/param"/>
    /// <inheritdoc cref="Read" path="/exception"/>
    public static IEnumerable<ProcMapDetail> ReadDetailed(
        MemoryTarget process, CancellationToken cancellation = default) =>
        Smaps.Read<SmapsCounters>(process, cancellation)
            .Select(found => new ProcMapDetail(found.Map, found.Lines));

    /// <summary>Creates the exception for an address where nothing is mapped.</summary>
    internal static MemProcException NotMapped(MemoryTarget process, ulong address) => new(
        Operation.FindMap, Errno.ENOENT, $"Process {process.Identity}: nothing is mapped at 0x{address:x}.", address);

    /// <summary>
    /// Finds the mapping that holds an address; null where there is none. PROCMAP_QUERY (Linux 6.11) answers at once; on
    /// older kernels the list is read up to the address.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The address.</param>
    /// <param name="cancellation">Stops the read.</param>
    public static ProcMap? Find(MemoryTarget process, ulong address, CancellationToken cancellation = default) =>
        Between(process, address, address + 1, cancellation).FirstOrDefault();

    /// <summary>
    /// Finds the first mapping that ends after an address, whether or not it holds the address: what the kernel's find_vma
    /// returns.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The address.</param>
    /// <param name="cancellation">Stops the read.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps as for <see cref="Read"/>; FindMap, ENOENT: nothing is mapped at the address or after it.
    /// </exception>
    public static ProcMap FindNext(MemoryTarget process, ulong address, CancellationToken cancellation = default) =>
        // The vsyscall page is not in the kernel's list of mappings; it is found where it holds the address.
        Between(process, address, ulong.MaxValue, cancellation)
            .FirstOrDefault(map => map.Kind != ProcMapKind.Vsyscall || map.Contains(address))
        ?? throw new MemProcException(Operation.FindMap, Errno.ENOENT,
            $"Process {process.Identity}: nothing is mapped at 0x{address:x} or after it.", address);

    /// <summary>Reads the mappings that overlap a range, in address order.</summary>
    /// <param name="process">The process.</param>
    /// <param name="start">First address.</param>
    /// <param name="end">First address after the range.</param>
    /// <param name="cancellation">Stops the read.</param>
    public static IEnumerable<ProcMap> Between(
        MemoryTarget process, ulong start, ulong end, CancellationToken cancellation = default)
    {
        // The vsyscall page, alone in the upper half, is in the list but cannot be queried.
        if (start <= long.MaxValue && process.MapQueries is SafeFileHandle queries)
        {
            return QueryBetween(process, queries, start, end, cancellation);
        }

        IEnumerable<ProcMap> maps = Read(process, cancellation);
        return (maps is ProcMap[] known ? known.Skip(FirstAfter(known, start)) : maps.SkipWhile(map => map.End <= start))
            .TakeWhile(map => map.Start < end);
    }

    /// <summary>Returns the index of the first mapping that ends after an address.</summary>
    private static int FirstAfter(ProcMap[] maps, ulong address)
    {
        int low = 0;
        for (int high = maps.Length; low < high;)
        {
            int middle = (low + high) / 2;
            (low, high) = maps[middle].End > address ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    /// <summary>Asks the kernel for the mapping that holds an address, by PROCMAP_QUERY.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The address.</param>
    /// <param name="map">The mapping; null where nothing is mapped.</param>
    /// <param name="cancellation">Stops the read.</param>
    /// <returns>False where the query is not available: before Linux 6.11, and for the vsyscall page.</returns>
    internal static bool TryQuery(
        MemoryTarget process, ulong address, out ProcMap? map, CancellationToken cancellation)
    {
        map = null;
        Errno errno = Errno.ENOTTY;
        if (process.CorePath is not null)
        {
            map = Find(process, address, cancellation);
            return true;
        }

        if (address <= long.MaxValue && process.MapQueries is SafeFileHandle queries)
        {
            errno = ProcMapQuery.TryQuery(
                queries, address, orNext: false, out ProcMapQueryArgument answer, out byte[] name);
            map = errno == Errno.None ? FromQuery(process, answer, name, cancellation) : null;
        }

        return errno is Errno.None or Errno.ENOENT;
    }

    private static IEnumerable<ProcMap> QueryBetween(
        MemoryTarget process, SafeFileHandle queries, ulong start, ulong end, CancellationToken cancellation)
    {
        for (ulong at = start; at < end;)
        {
            cancellation.ThrowIfCancellationRequested();
            Errno errno = ProcMapQuery.TryQuery(
                queries, at, orNext: true, out ProcMapQueryArgument answer, out byte[] name);
            if (errno == Errno.ENOENT || (errno == Errno.None && answer.VmaStart >= end))
            {
                process.ThrowIfExited(Operation.ReadMaps);
                yield break;
            }

            if (errno != Errno.None)
            {
                throw process.Failure(Operation.ReadMaps, errno, $"the mapping at 0x{at:x} cannot be queried", at);
            }

            yield return FromQuery(process, answer, name, cancellation);
            at = answer.VmaEnd;
        }
    }

    private static ProcMap FromQuery(
        MemoryTarget process, in ProcMapQueryArgument answer, byte[] name, CancellationToken cancellation)
    {
        MapRecord fields = MapRecord.From(answer);
        return new ProcMap(process.Identity, null, fields,
            MapName.Interpret(AsInList(name), fields, process, cancellation, name));
    }

    /// <summary>Escapes newlines in a name as the list does; the query returns names unescaped.</summary>
    private static byte[] AsInList(byte[] name) => name.Contains((byte)'\n')
        ? PathText.Encode(PathText.Decode(name).Replace("\n", "\\012", StringComparison.Ordinal))
        : name;

    internal static ProcMap Parse(
        ReadOnlySpan<byte> text, MemoryTarget process, int index, CancellationToken cancellation)
    {
        if (!MapsLine.TryParse(text, out MapsLine line))
        {
            throw process.Failure(Operation.ReadMaps, Errno.EINVAL,
                $"a line of maps has an unknown format, '{SafeText.Escape(Encoding.UTF8.GetString(text))}'");
        }

        if (line.End <= line.Start)
        {
            throw process.Failure(Operation.ReadMaps, Errno.EINVAL, $"a mapping ends where it starts, at 0x{line.Start:x}");
        }

        MapRecord fields = MapRecord.From(line);
        return new ProcMap(process.Identity, index, fields, MapName.Interpret(line.Path, fields, process, cancellation));
    }

    /// <summary>
    /// Whether a mapping was read before. The kernel returns the list in parts and continues after the last address. A
    /// mapping that has grown past that address meanwhile, as the heap does, is in the next part again.
    /// </summary>
    internal static bool IsRepeated(ProcMap map, ulong end) => map.Start < end;

    /// <summary>
    /// Throws where a list ended early: that of a process that exits, or the empty one of a kernel thread.
    /// </summary>
    internal static void ThrowIfIncomplete(MemoryTarget process, int count)
    {
        process.ThrowIfExited(Operation.ReadMaps);
        if (count == 0)
        {
            throw process.NoMemory(Operation.ReadMaps);
        }
    }

    private sealed record MapsOfCore(ProcMap[] Maps);
}

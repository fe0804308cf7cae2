using System.Buffers.Text;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// A mapping with its memory policy and the NUMA nodes of its pages, from <c>/proc/PID/numa_maps</c>. Its properties are
/// null where the kernel did not list the mapping: it was made meanwhile, or is <c>[vsyscall]</c>.
/// </summary>
public sealed class ProcMapNuma : ProcMap
{
    internal ProcMapNuma(ProcMap map, in NumaMapsLine line)
        : base(map)
    {
        Dictionary<string, ulong> counters = [];
        SortedDictionary<int, ulong> nodes = [];
        List<string> words = [];
        for (ReadOnlySpan<byte> fields = line.Fields; NumaMapsLine.TryTakeField(ref fields, out var name, out var value);)
        {
            if (Utf8Parser.TryParse(value, out ulong number, out int used) && used == value.Length)
            {
                counters[Encoding.UTF8.GetString(name)] = number;
                if (name.Length > 1 && name[0] == 'N' && Utf8Parser.TryParse(name[1..], out int node, out used)
                    && used == name.Length - 1)
                {
                    nodes[node] = number;
                }
            }
            else if (!name.SequenceEqual("file"u8))
            {
                words.Add(Encoding.UTF8.GetString(value.IsEmpty ? name : [.. name, (byte)'=', .. value]));
            }
        }

        Policy = line.Policy.IsEmpty ? null : Encoding.UTF8.GetString(line.Policy);
        Counters = new(counters);
        Words = new(words);
        // The kernel counts in pages of the mapping: those of hugetlbfs are larger.
        KernelPageSizeBytes = this["kernelpagesize_kB"] * 1024;
        NodeBytes = new(nodes.ToDictionary(node => node.Key, node => node.Value * UnitBytes));
    }

    internal ProcMapNuma(ProcMap map)
        : this(map, default)
    {
    }

    /// <summary>
    /// The memory policy as the kernel writes it: <c>default</c>, <c>bind:0-1</c>, <c>interleave:0-3</c>, <c>prefer:1</c>,
    /// <c>local</c>.
    /// </summary>
    public string? Policy { get; }

    /// <summary>Resident bytes by the number of the node.</summary>
    public OutputTable<int> NodeBytes { get; }

    /// <summary>The resident bytes of each node in a text: <c>N0=1.2 MiB N1=4 KiB</c>.</summary>
    public string NodeText => string.Join(' ', NodeBytes.Select(node => $"N{node.Key}={HumanSize.Format(node.Value)}"));

    /// <summary>Resident anonymous bytes.</summary>
    public ulong? AnonymousBytes => Bytes("anon");

    /// <summary>Bytes of dirty pages.</summary>
    public ulong? DirtyBytes => Bytes("dirty");

    /// <summary>
    /// Resident bytes. The kernel prints the number of pages only where it differs from that of anonymous or dirty ones.
    /// </summary>
    public ulong? ResidentBytes => Policy is null ? null : NodeBytes.Values.Aggregate(0UL, (sum, bytes) => sum + bytes);

    /// <summary>The largest map count of a page; null where no page is mapped more than once.</summary>
    public ulong? MaxMapCount => this["mapmax"];

    /// <summary>Bytes of pages in the swap cache.</summary>
    public ulong? SwapCacheBytes => Bytes("swapcache");

    /// <summary>
    /// Bytes on the active LRU list; null where all pages are, which the kernel does not print, and for hugetlb pages.
    /// </summary>
    public ulong? ActiveBytes => Bytes("active");

    /// <summary>Bytes being written back.</summary>
    public ulong? WritebackBytes => Bytes("writeback");

    /// <summary>Page size that the kernel allocates for the mapping; the unit of <see cref="Counters"/>.</summary>
    public ulong? KernelPageSizeBytes { get; }

    /// <summary>
    /// Every number by the kernel's name, including those unknown to this version, in pages of
    /// <see cref="KernelPageSizeBytes"/>.
    /// </summary>
    public OutputTable<string> Counters { get; }

    /// <summary>The other words of the line: <c>heap</c>, <c>stack</c>, <c>huge</c>, and unknown ones.</summary>
    public OutputList<string> Words { get; }

    private ulong UnitBytes => KernelPageSizeBytes ?? (ulong)Environment.SystemPageSize;

    private ulong? this[string counter] => Counters.TryGetValue(counter, out ulong value) ? value : null;

    /// <summary>Reads mappings with their lines in numa_maps, in address order.</summary>
    /// <param name="process">The process.</param>
    /// <param name="maps">The mappings, in address order.</param>
    /// <param name="cancellation">Stops the read.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps: EACCES; ENOENT on kernels without CONFIG_NUMA; ESRCH where the process exits meanwhile.
    /// </exception>
    internal static IEnumerable<ProcMapNuma> Read(
        LinuxProcess process, IEnumerable<ProcMap> maps, CancellationToken cancellation)
    {
        using ProcfsLines lines = Open(process);
        bool more = lines.MoveNext();
        foreach (ProcMap map in maps)
        {
            cancellation.ThrowIfCancellationRequested();
            while (more && (!NumaMapsLine.TryParse(lines.Current, out NumaMapsLine line) || line.Start < map.Start))
            {
                more = lines.MoveNext();
            }

            yield return more && NumaMapsLine.TryParse(lines.Current, out NumaMapsLine found) && found.Start == map.Start
                ? new ProcMapNuma(map, found)
                : new ProcMapNuma(map);
        }

        process.ThrowIfExited(Operation.ReadMaps);
    }

    private static ProcfsLines Open(LinuxProcess process)
    {
        try
        {
            return new ProcfsLines(process, "numa_maps", Operation.ReadMaps);
        }
        catch (MemProcException error) when (error.Errno == Errno.ENOENT)
        {
            throw new MemProcException(Operation.ReadMaps, Errno.ENOENT,
                $"Process {process.Identity}: this kernel has no numa_maps (CONFIG_NUMA).", process.Id);
        }
    }

    private ulong? Bytes(string counter) => this[counter] * UnitBytes;
}

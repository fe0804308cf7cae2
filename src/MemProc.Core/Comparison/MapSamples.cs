using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Samples of the content of anonymous memory, by which a mapping is recognized at another address. Only pages in memory, or
/// in the core, are read.
/// </summary>
public sealed class MapSamples
{
    /// <summary>Samples of a mapping.</summary>
    private const int MaxSamples = 8;

    /// <summary>Pages of a mapping that are read: those of zeros say nothing.</summary>
    private const int MaxPages = 64;

    private readonly MemoryTarget _target;
    private readonly CancellationToken _cancellation;
    private readonly PopulatedPages? _pages;
    private readonly MapMemoryReader _reader;
    private readonly byte[] _page = new byte[(int)MachinePage.SizeBytes];
    private SortedList<ulong, ulong>? _taken;

    /// <summary>Prepares to take samples when they are needed.</summary>
    /// <param name="target">The process or core.</param>
    /// <param name="cancellation">Stops the work.</param>
    internal MapSamples(MemoryTarget target, CancellationToken cancellation)
    {
        _target = target;
        _cancellation = cancellation;
        _pages = target is LinuxProcess live ? new PopulatedPages(live, cancellation) : null;
        _reader = new MapMemoryReader(target, cancellation);
    }

    /// <summary>Takes samples of all anonymous mappings, for a comparison at a later moment.</summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="MemProcException">ReadMaps failed.</exception>
    public static MapSamples Take(LinuxProcess process, CancellationToken cancellation = default)
    {
        MapSamples samples = new(process, cancellation);
        SortedList<ulong, ulong> taken = [];
        foreach (ProcMap map in MapReader.Read(process, cancellation).Where(MapComparer.IsAnonymous))
        {
            foreach ((ulong offset, ulong hash) in samples.Of(map, new AddressRange(map.Start, map.End)))
            {
                taken.Add(map.Start + offset, hash);
            }
        }

        samples._taken = taken;
        return samples;
    }

    /// <summary>
    /// Returns the first pages that are not zero, as their offset in the range and a hash; none where they cannot be read.
    /// </summary>
    internal List<(ulong Offset, ulong Hash)> Of(ProcMap map, AddressRange range)
    {
        _cancellation.ThrowIfCancellationRequested();
        List<(ulong, ulong)> samples = [];
        if (_taken is not null)
        {
            for (int index = IndexFrom(_taken.Keys, range.Start); index < _taken.Count && _taken.Keys[index] < range.End; index++)
            {
                samples.Add((_taken.Keys[index] - range.Start, _taken.Values[index]));
            }

            return samples;
        }

        try
        {
            foreach (ulong address in Pages(map, range).Take(MaxPages))
            {
                if (_reader.Of(map).Read(address, _page.AsSpan()).Count == 0 && _page.AsSpan().ContainsAnyExcept((byte)0))
                {
                    samples.Add((address - range.Start, Hash(_page)));
                    if (samples.Count == MaxSamples)
                    {
                        break;
                    }
                }
            }
        }
        catch (MemProcException)
        {
            // Without samples a mapping that has moved counts as removed and added, which is also true.
            samples.Clear();
        }

        return samples;
    }

    /// <summary>
    /// Hashes a page. Cryptography would require OpenSSL, which not every machine has; this hash is seeded in each run, so that
    /// no process can prepare pages of the same one.
    /// </summary>
    private static ulong Hash(ReadOnlySpan<byte> page)
    {
        HashCode low = default, high = default;
        low.AddBytes(page[..(page.Length / 2)]);
        high.AddBytes(page[(page.Length / 2)..]);
        return (ulong)(uint)high.ToHashCode() << 32 | (uint)low.ToHashCode();
    }

    private static int IndexFrom(IList<ulong> sorted, ulong address)
    {
        int low = 0;
        for (int high = sorted.Count; low < high;)
        {
            int middle = (low + high) / 2;
            (low, high) = sorted[middle] >= address ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    /// <summary>The pages that are in memory, or in the core.</summary>
    private IEnumerable<ulong> Pages(ProcMap map, AddressRange range)
    {
        if (_target is CoreFile core)
        {
            foreach (AddressRange stored in core.Memory.StoredRanges(range.Start, range.End))
            {
                for (ulong at = MachinePage.Ceiling(stored.Start); at + MachinePage.SizeBytes <= stored.End; at += MachinePage.SizeBytes)
                {
                    yield return at;
                }
            }

            yield break;
        }

        foreach (PageMapRange pages in _pages!.Of(map, range))
        {
            for (int index = 0; index < pages.Entries.Length; index++)
            {
                if (new RawPageMapEntry(pages.Entries.Span[index]).IsPresent)
                {
                    yield return pages.Address + (ulong)index * MachinePage.SizeBytes;
                }
            }
        }
    }
}

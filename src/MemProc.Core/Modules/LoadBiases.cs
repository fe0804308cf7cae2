namespace MemProc;

/// <summary>
/// The load biases of an image, worked out from its segments and the mappings of its file. A file can be loaded several
/// times, and be mapped as data too: a mapping belongs to the bias that puts most segments where they are mapped.
/// </summary>
/// <param name="segments">The loadable segments of the image.</param>
/// <param name="maps">The mappings of the file, in address order.</param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class LoadBiases(ElfSegment[] segments, ProcMap[] maps, CancellationToken cancellation)
{
    private readonly ElfSegment[] _segments = Array.FindAll(segments, segment => segment.FileBytes > 0);
    private readonly ulong[] _starts = Array.ConvertAll(maps, map => map.Start);
    private readonly Dictionary<ulong, int> _counts = [];

    /// <summary>Comparisons that are left. Valid images need few; others are data.</summary>
    private long _left = 1 << 24;

    /// <summary>
    /// The load bias of a mapping, to be added modulo 2^64; null where it is not part of a loaded image.
    /// </summary>
    public ulong? Of(ProcMap map)
    {
        cancellation.ThrowIfCancellationRequested();
        ulong? best = null;
        int mostMapped = 0;
        _left -= _segments.Length;
        if (_left < 0)
        {
            return null;
        }

        foreach (ElfSegment segment in _segments)
        {
            ulong bias = unchecked(map.Start - map.Offset + segment.Offset - segment.VirtualAddress);
            if (MapsSegment(map, segment, bias) && CountMapped(bias) is int mapped && mapped > mostMapped)
            {
                (best, mostMapped) = (bias, mapped);
            }
        }

        return best;
    }

    /// <summary>Whether a bias puts all segments where they are mapped.</summary>
    public bool IsWhole(ulong bias) => CountMapped(bias) == _segments.Length;

    private int CountMapped(ulong bias)
    {
        if (!_counts.TryGetValue(bias, out int count))
        {
            cancellation.ThrowIfCancellationRequested();
            _left -= _segments.Length;
            _counts[bias] = count = _left < 0 ? 0 : _segments.Count(segment => IsMapped(segment, bias));
        }

        return count;
    }

    /// <summary>Whether a mapping shows a part of a segment, by the bias that was worked out from both.</summary>
    private static bool MapsSegment(ProcMap map, ElfSegment segment, ulong bias)
    {
        ulong address = unchecked(segment.VirtualAddress + bias);
        return map.Start < unchecked(address + segment.FileBytes) && address < map.End;
    }

    /// <summary>Whether the first byte of a segment is mapped where a bias puts it.</summary>
    private bool IsMapped(ElfSegment segment, ulong bias)
    {
        ulong address = unchecked(segment.VirtualAddress + bias);
        int index = Array.BinarySearch(_starts, address);
        index = index >= 0 ? index : ~index - 1;
        if (index < 0)
        {
            return false;
        }

        ProcMap map = maps[index];
        // The dynamic linker changes the permissions of data when it is done; code stays executable.
        return address < map.End && address - map.Start + map.Offset == segment.Offset
            && (map.IsExecutable || !segment.Permissions.EndsWith('x'));
    }
}

namespace MemProc;

/// <summary>
/// Compares how often the kernel counts frames as mapped with the mappings that a search over all processes found: the
/// processes of other PID namespaces are not among them, nor hidden ones.
/// </summary>
public sealed class UnseenMappings
{
    /// <summary>Maximum number of frames that are compared.</summary>
    private const ulong MaxFrames = 64 * 1024;

    private readonly Dictionary<ulong, ulong> _found = [];

    /// <summary>Prepares the comparison of frames. More than 65,536 frames are not compared.</summary>
    public UnseenMappings(IReadOnlyCollection<PfnRange> ranges)
    {
        ulong left = MaxFrames;
        foreach (PfnRange range in ranges)
        {
            if (range.Count > left)
            {
                _found.Clear();
                return;
            }

            left -= range.Count;
            for (ulong index = 0; index < range.Count; index++)
            {
                _found[range.First + index] = 0;
            }
        }
    }

    /// <summary>Adds a mapping that was found.</summary>
    public void Add(PfnOwner owner)
    {
        if (_found.TryGetValue(owner.Pfn, out ulong count))
        {
            _found[owner.Pfn] = count + 1;
        }
    }

    /// <summary>
    /// Returns the sentence for a warning; null where all mappings were found, or the map counts cannot be read.
    /// </summary>
    /// <param name="files">Where the map counts are; the usual place when left out.</param>
    public string? Describe(KernelFiles? files = null)
    {
        ulong[] pfns = [.. _found.Keys];
        Array.Sort(pfns);
        ulong[] counts = new ulong[pfns.Length];
        try
        {
            using FrameTables tables = new(FrameAttributes.MapCount, files);
            tables.ReadMapCounts(pfns, counts);
        }
        catch (MemProcException)
        {
            return null;
        }

        int[] unseen = [.. Enumerable.Range(0, pfns.Length).Where(index => counts[index] > _found[pfns[index]])];
        return unseen.Length == 0
            ? null
            : $"The kernel counts {counts[unseen[0]]} mappings of frame 0x{pfns[unseen[0]]:x}, and {_found[pfns[unseen[0]]]} "
                + $"were found{(unseen.Length == 1 ? string.Empty : $"; {unseen.Length - 1} more frames have such mappings")}. "
                + "Processes that are hidden, in another PID namespace, or new map them too.";
    }
}

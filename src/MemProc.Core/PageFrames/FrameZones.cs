using System.Globalization;
using System.Numerics;

namespace MemProc;

/// <summary>
/// Decodes the NUMA node and zone in page.flags (<c>include/linux/page-flags-layout.h</c>): from the top node and zone, with
/// as many bits as the kernel was built for. The widths are checked with <c>/proc/zoneinfo</c>.
/// </summary>
internal sealed class FrameZones
{
    private const int FlagBits = 64;

    private readonly IReadOnlyList<string> _names;
    private readonly int _nodeShift;
    private readonly int _zoneShift;
    private readonly uint _zoneMask;
    private readonly bool _isKnown;

    private FrameZones(IReadOnlyList<string> names, int nodeBits)
    {
        _names = names;
        int zoneBits = names.Count < 2 ? 0 : BitOperations.Log2((uint)names.Count - 1) + 1;
        _nodeShift = FlagBits - nodeBits;
        _zoneShift = _nodeShift - zoneBits;
        _zoneMask = (1u << zoneBits) - 1;
        _isKnown = true;
    }

    private FrameZones() => _names = [];

    /// <summary>Number of the zone of device memory; -1 if the kernel has none.</summary>
    public int DeviceZone { get; private init; } = -1;

    /// <summary>Creates the decoder of a kernel.</summary>
    /// <param name="layout">The kernel's numbers.</param>
    /// <param name="files">Where procfs is.</param>
    /// <param name="flags">page.flags of a frame of ordinary memory, to check the widths with.</param>
    /// <param name="pfn">That frame.</param>
    public static FrameZones Create(FrameLayout layout, KernelFiles files, ulong flags, ulong pfn)
    {
        if (layout.NodeBits is not int nodeBits || layout.Zones.Count == 0)
        {
            return new FrameZones();
        }

        FrameZones zones = new(layout.Zones, nodeBits)
        {
            DeviceZone = Array.IndexOf([.. layout.Zones], "Device"),
        };
        (int node, int zone) = zones.Decode(flags) ?? default;
        return zone < layout.Zones.Count && Spans(files, node, layout.Zones[zone], pfn) ? zones : new FrameZones();
    }

    /// <summary>Returns node and number of the zone; null if the kernel's layout is not known.</summary>
    public (int Node, int Zone)? Decode(ulong flags) => _isKnown
        // A shift by 64 would be one by 0: a kernel without NUMA has no bits for the node.
        ? (_nodeShift == FlagBits ? 0 : (int)(flags >> _nodeShift), (int)((uint)(flags >> _zoneShift) & _zoneMask))
        : null;

    /// <summary>Returns the name of a zone.</summary>
    public string? NameOf(int zone) => zone < _names.Count ? _names[zone] : null;

    /// <summary>Returns whether zoneinfo has a zone of this name on a node that spans a frame.</summary>
    private static bool Spans(KernelFiles files, int node, string zone, ulong pfn)
    {
        string path = $"{files.Proc}/zoneinfo";
        if (!File.Exists(path))
        {
            return false;
        }

        bool isZone = false;
        ulong spanned = 0;
        foreach (string line in File.ReadLines(path))
        {
            string[] words = line.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries);
            switch (words)
            {
                case ["Node", var number, "zone", var name]:
                    isZone = number == node.ToString(CultureInfo.InvariantCulture) && name == zone;
                    break;
                case ["spanned", var count] when isZone:
                    spanned = ulong.Parse(count, CultureInfo.InvariantCulture);
                    break;
                case ["start_pfn:", var first] when isZone:
                    ulong start = ulong.Parse(first, CultureInfo.InvariantCulture);
                    return pfn >= start && pfn - start < spanned;
                default:
                    break;
            }
        }

        return false;
    }
}

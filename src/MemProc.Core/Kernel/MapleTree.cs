namespace MemProc;

/// <summary>
/// Walks the kernel's maple trees (<c>lib/maple_tree.c</c>, Linux 6.1): B-trees from ranges of addresses to pointers. All
/// nodes of a level are read at once, so that the tree has little time to change.
/// </summary>
/// <param name="layout">Offsets in a node.</param>
/// <param name="read">Reads nodes; returns false if one cannot be read.</param>
internal sealed class MapleTree(KernelOffsets.MapleOffsets layout, MapleTree.NodeReader read)
{
    private const int MaxDepth = 12;
    private const int MaxNodes = 10_000_000;
    private const ulong NodeMask = 0xff;

    private byte[] _nodes = [];

    /// <summary>Reads nodes of equal size into one buffer, one after another.</summary>
    public delegate bool NodeReader(ReadOnlySpan<ulong> addresses, Span<byte> nodes);

    private enum NodeType
    {
        Leaf = 1,
        Range = 2,
        RangeWithGaps = 3,
    }

    /// <summary>Reads the entries of a tree in order.</summary>
    /// <param name="root">The tree's ma_root.</param>
    /// <param name="entries">Receives each entry with its first and last index.</param>
    /// <returns>False if the tree changed during the walk.</returns>
    public bool TryRead(ulong root, List<Range> entries)
    {
        entries.Clear();
        if ((root & 3) != 2 || root <= 4096)
        {
            // The root of a tree with one entry for all indexes is that entry.
            if (root != 0)
            {
                entries.Add(new Range(root, 0, ulong.MaxValue));
            }

            return true;
        }

        List<Range> nodes = [new Range(root & ~2UL, 0, ulong.MaxValue)];
        for (int depth = 0; depth < MaxDepth; depth++)
        {
            List<Range> next = [];
            if (!TryReadLevel(nodes, next, out NodeType type))
            {
                return false;
            }

            if (type == NodeType.Leaf)
            {
                entries.AddRange(next);
                return true;
            }

            nodes = next;
        }

        return false;
    }

    private bool TryReadLevel(List<Range> nodes, List<Range> next, out NodeType type)
    {
        type = 0;
        if (nodes.Count is 0 or > MaxNodes)
        {
            return false;
        }

        ulong[] addresses = [.. nodes.Select(node => node.Entry & ~NodeMask)];
        int size = layout.NodeBytes;
        if (_nodes.Length < addresses.Length * size)
        {
            _nodes = new byte[addresses.Length * size];
        }

        if (!read(addresses, _nodes.AsSpan(0, addresses.Length * size)))
        {
            return false;
        }

        type = TypeOf(nodes[0]);
        for (int index = 0; index < addresses.Length; index++)
        {
            KernelStructure node = new(_nodes.AsSpan(index * size, size));
            // A node that was removed from its tree is its own parent. All leaves have the same depth.
            if (node.ReadUInt64(0) == addresses[index]
                || TypeOf(nodes[index]) is < NodeType.Leaf or > NodeType.RangeWithGaps
                || (TypeOf(nodes[index]) == NodeType.Leaf) != (type == NodeType.Leaf))
            {
                return false;
            }

            AddSlots(nodes[index], node, next);
        }

        return true;
    }

    private void AddSlots(Range parent, KernelStructure node, List<Range> next)
    {
        bool hasGaps = TypeOf(parent) == NodeType.RangeWithGaps;
        int count = hasGaps ? layout.GapCount : layout.RangeCount;
        int pivots = hasGaps ? layout.GapPivots : layout.RangePivots;
        int slots = hasGaps ? layout.GapSlots : layout.RangeSlots;
        ulong first = parent.First;
        for (int index = 0; index < count; index++)
        {
            ulong pivot = index < count - 1 ? node.ReadUInt64(pivots + index * sizeof(ulong)) : parent.Last;
            // A pivot that is not set means the end of the node.
            pivot = pivot == 0 && index > 0 ? parent.Last : Math.Min(pivot, parent.Last);
            ulong slot = node.ReadUInt64(slots + index * sizeof(ulong));
            if (slot != 0)
            {
                next.Add(new Range(slot, first, pivot));
            }

            if (pivot >= parent.Last)
            {
                return;
            }

            first = pivot + 1;
        }
    }

    private static NodeType TypeOf(Range node) => (NodeType)(node.Entry >> 3 & 15);

    /// <summary>An entry, or an inner node.</summary>
    /// <param name="Entry">The pointer in the tree.</param>
    /// <param name="First">Its first index.</param>
    /// <param name="Last">Its last index.</param>
    internal readonly record struct Range(ulong Entry, ulong First, ulong Last);
}

using System.Buffers.Binary;

namespace MemProc;

/// <summary>
/// The kernel's maple trees (<c>lib/maple_tree.c</c>, Linux 6.1): a B-tree from ranges of addresses to pointers. Pure: it
/// walks over a function that reads. All nodes of a level are read at once, so that the tree has little time to change.
/// </summary>
/// <param name="layout">Where in a node what lies.</param>
/// <param name="read">Reads nodes; false where one cannot be read.</param>
internal sealed class MapleTree(KernelLayout.MapleOffsets layout, MapleTree.NodeReader read)
{
    private const int DeepestTree = 12;
    private const int MostNodes = 10_000_000;
    private const ulong NodeMask = 0xff;

    private byte[] _nodes = [];

    /// <summary>Reads nodes, side by side.</summary>
    public delegate bool NodeReader(ReadOnlySpan<ulong> addresses, Span<byte> nodes);

    private enum NodeType
    {
        Leaf = 1,
        Range = 2,
        RangeWithGaps = 3,
    }

    /// <summary>The entries of a tree in order.</summary>
    /// <param name="root">The tree's ma_root.</param>
    /// <param name="entries">Gets each entry with the first and the last index that it is for.</param>
    /// <returns>False where the tree changed under the walk.</returns>
    public bool TryRead(ulong root, List<Range> entries)
    {
        entries.Clear();
        if ((root & 3) != 2 || root <= 4096)
        {
            // Of a tree with one entry for all indexes the root is that entry.
            if (root != 0)
            {
                entries.Add(new Range(root, 0, ulong.MaxValue));
            }

            return true;
        }

        List<Range> nodes = [new Range(root & ~2UL, 0, ulong.MaxValue)];
        for (int depth = 0; depth < DeepestTree; depth++)
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
        if (nodes.Count is 0 or > MostNodes)
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
            ReadOnlySpan<byte> node = _nodes.AsSpan(index * size, size);
            // A node that has been taken out of its tree is its own parent; all leaves lie at one depth.
            if (BinaryPrimitives.ReadUInt64LittleEndian(node) == addresses[index]
                || TypeOf(nodes[index]) is < NodeType.Leaf or > NodeType.RangeWithGaps
                || (TypeOf(nodes[index]) == NodeType.Leaf) != (type == NodeType.Leaf))
            {
                return false;
            }

            AddSlots(nodes[index], node, next);
        }

        return true;
    }

    private void AddSlots(Range parent, ReadOnlySpan<byte> node, List<Range> next)
    {
        bool hasGaps = TypeOf(parent) == NodeType.RangeWithGaps;
        int count = hasGaps ? layout.GapCount : layout.RangeCount;
        int pivots = hasGaps ? layout.GapPivots : layout.RangePivots;
        int slots = hasGaps ? layout.GapSlots : layout.RangeSlots;
        ulong first = parent.First;
        for (int index = 0; index < count; index++)
        {
            ulong pivot = index < count - 1 ? Word(node, pivots, index) : parent.Last;
            // One that is not set stands for the end of the node.
            pivot = pivot == 0 && index > 0 ? parent.Last : Math.Min(pivot, parent.Last);
            ulong slot = Word(node, slots, index);
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

    private static ulong Word(ReadOnlySpan<byte> node, int offset, int index) =>
        BinaryPrimitives.ReadUInt64LittleEndian(node[(offset + index * sizeof(ulong))..]);

    /// <summary>An entry, or a node on the way to entries.</summary>
    /// <param name="Entry">The pointer that the tree holds.</param>
    /// <param name="First">The first index that it is for.</param>
    /// <param name="Last">The last one.</param>
    internal readonly record struct Range(ulong Entry, ulong First, ulong Last);
}

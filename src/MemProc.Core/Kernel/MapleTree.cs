using System.Buffers.Binary;

namespace MemProc;

/// <summary>
/// The kernel's maple trees (<c>lib/maple_tree.c</c>, Linux 6.1): a B-tree from ranges of addresses to pointers. Pure: it
/// walks over a function that reads.
/// </summary>
/// <param name="layout">Where in a node what lies.</param>
/// <param name="read">Reads a node; false where that cannot be read.</param>
internal sealed class MapleTree(KernelLayout.MapleOffsets layout, MapleTree.NodeReader read)
{
    private const int DeepestTree = 12;
    private const int MostNodes = 10_000_000;
    private const ulong NodeMask = 0xff;

    private readonly byte[] _nodes = new byte[(DeepestTree + 1) * layout.NodeBytes];
    private int _count;

    /// <summary>Reads bytes at an address of the kernel.</summary>
    public delegate bool NodeReader(ulong address, Span<byte> bytes);

    private enum NodeType
    {
        Dense = 0,
        Leaf = 1,
        Range = 2,
        RangeWithGaps = 3,
    }

    /// <summary>Visits every entry in order.</summary>
    /// <param name="root">The tree's ma_root.</param>
    /// <param name="visit">Told an entry and the first and last index that it is for; false ends the walk.</param>
    /// <returns>False where the tree changed under the walk, or <paramref name="visit"/> said so.</returns>
    public bool Walk(ulong root, Func<ulong, ulong, ulong, bool> visit)
    {
        _count = 0;
        // Of a tree with one entry for all indexes the root is that entry.
        bool isNode = (root & 3) == 2 && root > 4096;
        return root == 0 || (isNode ? Node(root & ~2UL, 0, ulong.MaxValue, depth: 0, visit) : visit(root, 0, 0));
    }

    private bool Node(ulong entry, ulong first, ulong last, int depth, Func<ulong, ulong, ulong, bool> visit)
    {
        ulong address = entry & ~NodeMask;
        NodeType type = (NodeType)(entry >> 3 & 15);
        if (depth > DeepestTree || ++_count > MostNodes || type is < NodeType.Leaf or > NodeType.RangeWithGaps)
        {
            return false;
        }

        Span<byte> node = _nodes.AsSpan(depth * layout.NodeBytes, layout.NodeBytes);
        // A node that has been taken out of its tree is its own parent.
        if (!read(address, node) || BinaryPrimitives.ReadUInt64LittleEndian(node) == address)
        {
            return false;
        }

        bool hasGaps = type == NodeType.RangeWithGaps;
        int count = hasGaps ? layout.GapCount : layout.RangeCount;
        int pivots = hasGaps ? layout.GapPivots : layout.RangePivots;
        int slots = hasGaps ? layout.GapSlots : layout.RangeSlots;
        for (int index = 0; index < count; index++)
        {
            ulong pivot = index < count - 1 ? Word(node, pivots, index) : last;
            // One that is not set stands for the end of the node.
            pivot = pivot == 0 && index > 0 ? last : Math.Min(pivot, last);
            ulong slot = Word(node, slots, index);
            if (slot != 0 && !(type == NodeType.Leaf
                ? visit(slot, first, pivot)
                : Node(slot, first, pivot, depth + 1, visit)))
            {
                return false;
            }

            if (pivot >= last)
            {
                break;
            }

            first = pivot + 1;
        }

        return true;
    }

    private static ulong Word(ReadOnlySpan<byte> node, int offset, int index) =>
        BinaryPrimitives.ReadUInt64LittleEndian(node[(offset + index * sizeof(ulong))..]);
}

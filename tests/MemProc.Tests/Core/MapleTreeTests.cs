namespace MemProc.Tests;

/// <summary>Tests maple trees of the kernel: a recorded one, and inconsistencies while a tree changes.</summary>
public sealed class MapleTreeTests : IDisposable
{
    private const int Pivots = 8;
    private const int GapSlots = 80;
    private const int LeafSlots = 128;

    private readonly SimulatedProcess _process = new();
    private readonly KernelOffsets.MapleOffsets _layout;
    private readonly Dictionary<ulong, byte[]> _nodes = RecordedMapleTree.Nodes();

    public MapleTreeTests()
    {
        using SimulatedKernel kernel = new(_process, hasTree: true);
        _layout = KernelOffsets.Of(_process.Files).Maple!;
    }

    [Fact]
    public void The_recorded_tree_contains_the_mappings_of_its_process()
    {
        (bool isWhole, List<MapleTree.Range> entries) = Read(RecordedMapleTree.Root);
        Assert.True(isWhole);
        Assert.Equal(RecordedMapleTree.Entries, entries.Select(entry => (entry.Entry, entry.First, entry.Last + 1)));
    }

    [Fact]
    public void A_removed_node_is_detected()
    {
        // A removed node is its own parent.
        ulong leaf = RecordedMapleTree.Addresses[1];
        Put(leaf, 0, leaf);
        Assert.False(Read(RecordedMapleTree.Root).IsWhole);
    }

    [Fact]
    public void A_freed_node_is_detected()
    {
        _nodes.Remove(RecordedMapleTree.Addresses[2]);
        Assert.False(Read(RecordedMapleTree.Root).IsWhole);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(15)]
    public void An_unexpected_node_type_is_detected(ulong kind)
    {
        ulong upper = RecordedMapleTree.Addresses[0];
        Put(upper, GapSlots, RecordedMapleTree.Addresses[1] | kind << 3 | 4);
        Assert.False(Read(RecordedMapleTree.Root).IsWhole);
    }

    [Fact]
    public void Leaves_at_two_depths_are_invalid()
    {
        Put(RecordedMapleTree.Addresses[0], GapSlots, RecordedMapleTree.Addresses[0] | 3 << 3 | 4);
        Assert.False(Read(RecordedMapleTree.Root).IsWhole);
    }

    [Fact]
    public void A_node_that_points_to_itself_ends_the_walk()
    {
        Put(RecordedMapleTree.Addresses[0], GapSlots, RecordedMapleTree.Root & ~2UL);
        Put(RecordedMapleTree.Addresses[0], GapSlots + 8, 0);
        Put(RecordedMapleTree.Addresses[0], Pivots, ulong.MaxValue);
        Assert.False(Read(RecordedMapleTree.Root).IsWhole);
    }

    [Fact]
    public void An_unset_pivot_ends_its_node()
    {
        ulong leaf = RecordedMapleTree.Addresses[1];
        Put(leaf, Pivots + 2 * 8, 0);
        (bool isWhole, List<MapleTree.Range> entries) = Read(RecordedMapleTree.Root);
        Assert.True(isWhole);
        // Later slots of this node are stale and ignored.
        Assert.Equal(RecordedMapleTree.Entries[..2].Select(entry => entry.Vma), entries.TakeWhile(entry =>
            entry.First < RecordedMapleTree.Entries[2].Start).Select(entry => entry.Entry).Take(2));
        Assert.DoesNotContain(entries, entry => entry.Entry == RecordedMapleTree.Entries[4].Vma);
    }

    [Fact]
    public void A_pivot_outside_the_node_is_clamped()
    {
        ulong leaf = RecordedMapleTree.Addresses[1];
        Put(leaf, Pivots + 8, ulong.MaxValue);
        (_, List<MapleTree.Range> entries) = Read(RecordedMapleTree.Root);
        Assert.All(entries.Zip(entries.Skip(1)), pair => Assert.True(pair.First.Last < pair.Second.First));
    }

    [Fact]
    public void A_tree_without_nodes_is_empty_or_has_one_entry()
    {
        Assert.Equal((true, 0), (Read(0).IsWhole, Read(0).Entries.Count));
        MapleTree.Range only = Assert.Single(Read(0xffff_8881_0000_1000).Entries);
        Assert.Equal(new MapleTree.Range(0xffff_8881_0000_1000, 0, ulong.MaxValue), only);
    }

    [Fact]
    public void A_leaf_without_entries_is_empty()
    {
        ulong leaf = RecordedMapleTree.Addresses[1];
        _nodes[leaf].AsSpan(LeafSlots).Clear();
        (bool isWhole, List<MapleTree.Range> entries) = Read(leaf | 1 << 3 | 4 | 2);
        Assert.Equal((true, 0), (isWhole, entries.Count));
    }

    /// <inheritdoc/>
    public void Dispose() => _process.Dispose();

    private (bool IsWhole, List<MapleTree.Range> Entries) Read(ulong root)
    {
        List<MapleTree.Range> entries = [];
        MapleTree tree = new(_layout, (addresses, nodes) =>
        {
            for (int index = 0; index < addresses.Length; index++)
            {
                if (!_nodes.TryGetValue(addresses[index], out byte[]? node))
                {
                    return false;
                }

                node.CopyTo(nodes[(index * 256)..]);
            }

            return true;
        });
        return (tree.TryRead(root, entries), entries);
    }

    private void Put(ulong node, int offset, ulong value) => BitConverter.TryWriteBytes(_nodes[node].AsSpan(offset), value);
}

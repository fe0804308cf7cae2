namespace MemProc.Tests;

/// <summary>Tests that memory which mremap(2) has moved is recognized at its new address, and nothing else is taken for it.</summary>
public sealed class MovedMappingTests : TargetTests
{
    [Fact]
    public void A_moved_mapping_is_found_by_samples_where_the_core_has_no_content()
    {
        ulong filled = Filled(8), empty = Map(8);
        using MemProc.CoreFile before = Hold(noContent: true);
        MapSamples samples = MapSamples.Take(Process);
        ulong to = Move(filled, 8), emptyTo = Move(empty, 8);
        Assert.Equal([(ProcMapChangeKind.Moved, to, (ulong?)filled)], Changes(samples, filled, to));
        // Memory that was never written to has nothing by which to recognize it.
        Assert.Equal([(ProcMapChangeKind.Removed, empty, null), (ProcMapChangeKind.Added, emptyTo, null)], Changes(samples, empty, emptyTo));
        Assert.Equal([(ProcMapChangeKind.Removed, filled, null), (ProcMapChangeKind.Added, to, null)], Changes(null, filled, to));

        (ProcMapChangeKind, ulong, ulong?)[] Changes(MapSamples? samples, params ulong[] places) =>
            [.. new MemoryComparer(before, Process, new ComparisonOptions()) { PreviousSamples = samples }.CompareMaps()
                .Where(change => places.Contains(change.Start))
                .Select(change => (change.Change, change.Start, change.PreviousStart))
                .OrderBy(change => Array.IndexOf(places, change.Start))];
    }

    [Fact]
    public void Parts_files_and_rewritten_memory_are_told_apart()
    {
        ulong part = Filled(8), rewritten = Filled(4), twin = Filled(4);
        using TemporaryFolder folder = new();
        string path = folder.File("data", new byte[4 * Page.Size]);
        ulong file = Target.Ask($"file 0 {4 * Page.Size} r-- private {path}").Address("address");
        using MemProc.CoreFile before = Hold(noContent: false);
        ulong partTo = Move(part + 4 * Page.Size, 4), fileTo = Move(file, 4), rewrittenTo = Move(rewritten, 4), twinTo = Move(twin, 4);
        Target.Ask($"fill {rewrittenTo} {4 * Page.Size} 99");
        // Half of the pages suffice.
        Target.Ask($"fill {twinTo} {2 * Page.Size} 99");
        ProcMapChange[] changes = [.. new MemoryComparer(before, Process, new ComparisonOptions()).CompareMaps()];
        Assert.Equal((ProcMapChangeKind.Moved, part + 4 * Page.Size, 4 * Page.Size), Of(partTo));
        Assert.DoesNotContain(changes, change => change.Start == part + 4 * Page.Size || change.Start == file);
        Assert.Equal((ProcMapChangeKind.Moved, file, 4 * Page.Size), Of(fileTo));
        Assert.Equal((ProcMapChangeKind.Added, null, 4 * Page.Size), Of(rewrittenTo));
        Assert.Equal((ProcMapChangeKind.Removed, null, 4 * Page.Size), Of(rewritten));
        Assert.Equal((ProcMapChangeKind.Moved, twin, 4 * Page.Size), Of(twinTo));
        Assert.Equal($"Moved 0x{fileTo:x}-0x{fileTo + 4 * Page.Size:x} r--p r--p from 0x{file:x12} {path}",
            changes.Single(change => change.Start == fileTo).ToString());
        // Either address finds it.
        foreach (ulong address in (ulong[])[file, fileTo])
        {
            ProcMapChange found = Assert.Single(
                new MemoryComparer(before, Process, new ComparisonOptions().From(address, Page.Size)).CompareMaps());
            Assert.Equal((ProcMapChangeKind.Moved, fileTo), (found.Change, found.Start));
        }

        (ProcMapChangeKind, ulong?, ulong) Of(ulong address)
        {
            ProcMapChange change = changes.Single(change => change.Start == address);
            return (change.Change, change.PreviousStart, change.SizeBytes);
        }
    }

    private ulong Map(int pages) => Target.Ask($"map {(ulong)pages * Page.Size} rw- private").Address("address");

    private ulong Filled(int pages)
    {
        ulong address = Map(pages);
        Target.Ask($"fill {address} {(ulong)pages * Page.Size} {address >> 12 & 0xffff}");
        return address;
    }

    private ulong Move(ulong address, int pages) => Target.Ask($"move {address} {(ulong)pages * Page.Size}").Address("address");

    private MemProc.CoreFile Hold(bool noContent) => MemorySaver.SaveUnnamed(
        Process, new SaveOptions { NoContent = noContent, IncludeDontDump = true }, _ => { }, CancellationToken.None);
}

namespace MemProc.Tests;

/// <summary>Tests that changes between two targets are found once, and nothing else is.</summary>
public sealed class MemoryComparerTests : TargetTests
{
    [Theory]
    [InlineData("core")]
    [InlineData("gzip")]
    [InlineData("live")]
    [InlineData("unnamed")]
    public void A_stoppedProcess_equals_its_core_in_every_form(string form)
    {
        ulong address = MapSmallPages(4);
        Target.Ask($"fill {address} {4 * Page.Size} 7");
        using TemporaryFolder folder = new(), second = new();
        using SuspendedProcess stopped = SuspendedProcess.Begin(Process);
        using MemProc.CoreFile before = MemProc.CoreFile.Open(CoreMaker.Save(Process, folder));
        using MemoryTarget after = form switch
        {
            "live" => LinuxProcess.Open(Process.Id),
            "unnamed" => MemorySaver.SaveUnnamed(Process, new SaveOptions(), _ => { }, CancellationToken.None),
            _ => MemProc.CoreFile.Open(CoreMaker.Save(Process, second, compress: form == "gzip")),
        };
        MemoryComparer comparer = new(before, after, new ComparisonOptions());
        using ContentComparison comparison = comparer.CompareContent();
        Assert.Empty(comparison.Differences);
        MemoryComparison summary = comparison.Summary;
        Assert.Equal((0UL, 0UL, 0UL, 0UL), (summary.ChangedBytes, summary.DifferenceCount, summary.AddedBytes, summary.RemovedBytes));
        Assert.True(summary.ComparedBytes > MemoryStatusReader.Read(Process).VmRssBytes / 2, $"{summary.ComparedBytes}");
        Assert.Empty(comparer.CompareMaps());
        Assert.Equal(before.CorePath, summary.Previous);
    }

    [Fact]
    public void Each_change_of_bytes_is_found_once()
    {
        // Areas of their own: the runtime changes its memory by itself.
        ulong one = MapSmallPages(64), page = MapSmallPages(64), untouched = MapSmallPages(64);
        Target.Ask($"fill {one} {64 * Page.Size} 1");
        Target.Ask($"fill {page} {64 * Page.Size} 2");
        using MemProc.CoreFile before = Hold();
        byte old = Peek(one + 5000, 1)[0];
        Write(one + 5000, [(byte)(old ^ 0xff)]);
        byte[] previous = Peek(page + 3 * Page.Size, (int)Page.Size);
        Write(page + 3 * Page.Size, [.. previous.Select(value => (byte)~value)]);
        Write(untouched + 2 * Page.Size + 8, [1, 0, 0, 0, 2]);

        MemoryDifference single = Assert.Single(Differences(before, one, 64 * Page.Size));
        Assert.Equal((one + 5000, 1UL, 1UL), (single.Address, single.Length, single.ChangedBytes));
        Assert.Equal([old, (byte)(old ^ 0xff)], single.PreviousBytes.Concat(single.Bytes));
        Assert.Equal(Process.Id, single.ProcessId);
        Assert.NotNull(single.Location);
        MemoryDifference whole = Assert.Single(Differences(before, page, 64 * Page.Size));
        Assert.Equal((page + 3 * Page.Size, Page.Size, Page.Size), (whole.Address, whole.Length, whole.ChangedBytes));
        Assert.Equal(previous, whole.PreviousBytes);
        // What was never touched was zero, which is in no file.
        MemoryDifference fresh = Assert.Single(Differences(before, untouched, 64 * Page.Size));
        Assert.Equal((untouched + 2 * Page.Size + 8, 5UL, 2UL), (fresh.Address, fresh.Length, fresh.ChangedBytes));
        Assert.Equal([0, 0, 0, 0, 0, 1, 0, 0, 0, 2], fresh.PreviousBytes.Concat(fresh.Bytes));
        Assert.Equal(2, Differences(before, untouched, 64 * Page.Size, options => options with { JoinBytes = 2 }).Length);

        MemoryComparer comparer = new(before, Process, new ComparisonOptions().From(one, 64 * Page.Size));
        using ContentComparison comparison = comparer.CompareContent(keepDifferences: false);
        Assert.Equal((64 * Page.Size, 1UL, 1UL, 0UL), (comparison.Summary.ComparedBytes, comparison.Summary.ChangedBytes,
            comparison.Summary.DifferenceCount, comparison.Summary.GapBytes));
        ComparedMap map = Assert.Single(comparison.Summary.Maps);
        Assert.Equal((one, 1UL), (map.Start, map.ChangedBytes));
    }

    [Fact]
    public void A_run_over_many_pieces_is_one_and_keeps_its_first_bytes()
    {
        ulong length = 4UL << 20;
        ulong address = Target.Ask($"map {length} rw- private").Address("address");
        Target.Ask($"fill {address} {length} 3");
        using MemProc.CoreFile before = Hold();
        byte[] previous = Peek(address, 4096);
        Target.Ask($"fill {address} {length} 4");
        byte[] present = Peek(address, 4096);
        MemoryDifference run = Assert.Single(Differences(before, address, length));
        Assert.Equal(previous.Zip(present).TakeWhile(pair => pair.First == pair.Second).Count(), (int)(run.Address - address));
        Assert.True(run.Length > length - 64, $"{run.Length}");
        Assert.InRange(run.ChangedBytes, length / 2, run.Length);
        Assert.Equal(4096, run.Bytes.Length);
        int skipped = (int)(run.Address - address);
        Assert.Equal(present[skipped..], run.Bytes.ToArray()[..^skipped]);
        Assert.Equal(previous[skipped..], run.PreviousBytes.ToArray()[..^skipped]);
        Assert.Equal(Differences(before, address, length, options => options with { Workers = 1 })[0].ChangedBytes, run.ChangedBytes);
    }

    [Fact]
    public void Numbers_and_fields_come_as_such()
    {
        ulong address = MapSmallPages(4);
        Target.Ask($"fill {address} {4 * Page.Size} 5");
        Write(address + 40, BitConverter.GetBytes(1000));
        Write(address + 4092, BitConverter.GetBytes(7L));
        using MemProc.CoreFile before = Hold();
        Write(address + 40, BitConverter.GetBytes(1001));
        Write(address + 4096, [0xff]);
        MemoryDifference[] numbers = Differences(before, address, 2 * Page.Size,
            options => options with { Layout = ComparisonOptions.CheckType(MemoryType.Parse("int32")) });
        Assert.Equal([address + 40, address + 4096], numbers.Select(number => number.Address));
        Assert.Equal(((object)1000, (object)1001, "int32"), (numbers[0].PreviousValue, numbers[0].Value, numbers[0].Type));
        // Structs of 12 bytes, one of which crosses the end of a page.
        MemoryDifference[] fields = Differences(before, address, 2 * Page.Size, options => options with
        {
            Layout = ComparisonOptions.CheckLayout(MemoryLayout.Parse("int32 id; int32 count; int32 more")),
        });
        Assert.Equal(["count", "count"], fields.Select(field => field.Field));
        Assert.Equal([address + 36, address + 4092], fields.Select(field => field.RecordAddress));
        Assert.Equal((address + 40, (object)1001), (fields[0].Address, fields[0].Value));
    }

    [Fact]
    public void What_one_side_lacks_is_a_gap_and_never_a_change()
    {
        ulong address = MapSmallPages(8);
        Target.Ask($"fill {address} {8 * Page.Size} 6");
        Target.Ask($"advise {address} {2 * Page.Size} 16");
        using TemporaryFolder folder = new();
        using MemProc.CoreFile before = MemProc.CoreFile.Open(CoreMaker.Save(Process, folder));
        Target.Ask($"fill {address} {Page.Size} 9");
        MemoryComparer comparer = new(before, Process, new ComparisonOptions().From(address, 8 * Page.Size));
        using ContentComparison comparison = comparer.CompareContent();
        Assert.Empty(comparison.Differences);
        ComparisonGap gap = Assert.Single(comparison.Summary.Gaps);
        Assert.Equal(new ComparisonGap(address, 2 * Page.Size, MemoryGapKind.NotSaved, null), gap);
        Assert.Equal((2 * Page.Size, 0UL, 6 * Page.Size), (comparison.Summary.PreviousGapBytes, comparison.Summary.GapBytes,
            comparison.Summary.ComparedBytes));
    }

    [Fact]
    public void Each_change_of_mappings_is_found_once()
    {
        ulong removed = MapSmallPages(4), protectedPages = MapSmallPages(8), shrunk = MapSmallPages(8);
        using TemporaryFolder folder = new();
        string path = folder.File("data", new byte[Page.Size]);
        ulong file = Target.Ask($"file 0 {Page.Size} r-- private {path}").Address("address");
        using MemProc.CoreFile before = Hold();
        ulong added = MapSmallPages(4);
        Target.Ask($"unmap {removed} {4 * Page.Size}");
        Target.Ask($"protect {protectedPages + 2 * Page.Size} {3 * Page.Size} r--");
        Target.Ask($"unmap {shrunk + 6 * Page.Size} {2 * Page.Size}");
        File.Move(folder.File("new", new byte[Page.Size]), path, overwrite: true);

        (ProcMapChangeKind, ulong, ulong)[] changes = [.. new MemoryComparer(before, Process, new ComparisonOptions()).CompareMaps()
            .Where(change => change.Change == ProcMapChangeKind.FileReplaced
                || new[] { removed, protectedPages, shrunk, added }.Any(area => change.Start >= area && change.Start < area + 8 * Page.Size))
            .Select(change => (change.Change, change.Start, change.SizeBytes))];
        Assert.Equal(
            new[]
            {
                (ProcMapChangeKind.Removed, removed, 4 * Page.Size),
                (ProcMapChangeKind.Protection, protectedPages + 2 * Page.Size, 3 * Page.Size),
                (ProcMapChangeKind.Shrunk, shrunk + 6 * Page.Size, 2 * Page.Size),
                (ProcMapChangeKind.Added, added, 4 * Page.Size),
                (ProcMapChangeKind.FileReplaced, file, Page.Size),
            }.OrderBy(change => change.Item2),
            changes.Order().OrderBy(change => change.Item2));
        // The other way round, what has shrunk has grown.
        using MemProc.CoreFile after = Hold();
        Assert.Equal(ProcMapChangeKind.Grown, Assert.Single(new MemoryComparer(after, before, new ComparisonOptions
        {
            Start = shrunk,
            End = shrunk + 8 * Page.Size,
        }).CompareMaps()).Change);
    }

    [Fact]
    public void Other_memory_at_the_same_address_is_found()
    {
        ulong replaced = MapSmallPages(4);
        Target.Ask($"fill {replaced} {4 * Page.Size} 3");
        using MemProc.CoreFile before = Hold();
        Target.Ask($"replace {replaced + Page.Size} {2 * Page.Size}");
        Assert.Equal((ProcMapChangeKind.Remapped, replaced + Page.Size, 2 * Page.Size), MapChange(before, replaced, 4));
    }

    [Fact]
    public void Another_name_of_anonymous_memory_is_found()
    {
        ulong named = MapSmallPages(4);
        using MemProc.CoreFile before = Hold();
        Requires.Name(Target, named, 2 * Page.Size, "arena");
        Assert.Equal((ProcMapChangeKind.Renamed, named, 2 * Page.Size), MapChange(before, named, 4));
    }

    [Fact]
    public void Differences_that_exceed_memory_come_from_a_file_in_order()
    {
        using DifferenceLog log = new();
        FoundDifference[] many = [.. Enumerable.Range(0, 5000).Select(number => new FoundDifference(
            (ulong)number * 8192, 4096, 4096, new byte[4096], [.. Enumerable.Repeat((byte)number, 4096)], null, null))];
        foreach (FoundDifference difference in many)
        {
            log.Add(difference);
        }

        int index = 0;
        foreach (FoundDifference read in log.Read())
        {
            Assert.Equal(many[index].Address, read.Address);
            Assert.Equal(many[index++].Current, read.Current);
        }

        Assert.Equal(many.Length, index);
    }

    [Fact]
    public void A_canceled_comparison_ends_at_once()
    {
        using MemProc.CoreFile before = Hold();
        using CancellationTokenSource stop = new();
        stop.Cancel();
        MemoryComparer comparer = new(before, Process, new ComparisonOptions(), stop.Token);
        Assert.ThrowsAny<OperationCanceledException>(() => comparer.CompareContent());
    }

    private MemProc.CoreFile Hold() =>
        MemorySaver.SaveUnnamed(Process, new SaveOptions { IncludeDontDump = true }, _ => { }, CancellationToken.None);

    /// <summary>Returns the one change of the mappings in a range.</summary>
    private (ProcMapChangeKind Change, ulong Start, ulong Length) MapChange(MemoryTarget before, ulong address, ulong pages)
    {
        ProcMapChange change = Assert.Single(
            new MemoryComparer(before, Process, new ComparisonOptions().From(address, pages * Page.Size)).CompareMaps());
        return (change.Change, change.Start, change.SizeBytes);
    }

    private byte[] Peek(ulong address, int length) =>
        new MemoryReader(Process, ReadMethod.Auto).ReadExactly(address, (ulong)length);

    private void Write(ulong address, byte[] bytes) =>
        MemoryTransaction.Prepare(Process, [new MemoryWriteRequest(address, bytes)]).Commit(stop: false, verify: true);

    private MemoryDifference[] Differences(
        MemoryTarget before, ulong address, ulong length, Func<ComparisonOptions, ComparisonOptions>? change = null)
    {
        ComparisonOptions options = new ComparisonOptions().From(address, length);
        return [.. new MemoryComparer(before, Process, change?.Invoke(options) ?? options).Differences()];
    }
}

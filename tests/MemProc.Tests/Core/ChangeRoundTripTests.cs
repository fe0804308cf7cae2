namespace MemProc.Tests;

/// <summary>Tests that each of several known changes is found once between two moments, in every form, and nothing else is.</summary>
public sealed class ChangeRoundTripTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("own")]
    [InlineData("gzip")]
    [InlineData("gcore")]
    [InlineData("kernel")]
    public void Each_change_is_found_once_and_nothing_else(string form)
    {
        using ChangingProgram program = new(_folder);
        using MemProc.CoreFile before = program.Core(form, isLast: false);
        program.Change();
        using (MemProc.CoreFile own = program.Core("own", isLast: true))
        using (MemProc.CoreFile gzip = program.Core("gzip", isLast: true))
        {
            foreach (MemoryTarget after in (MemoryTarget[])[program.Process, own, gzip])
            {
                AssertChanges(program, before, after);
            }
        }

        using MemProc.CoreFile same = program.Core(form, isLast: true);
        AssertChanges(program, before, same);
    }

    [Fact]
    public void Each_change_of_pages_is_found_once_and_nothing_else()
    {
        Requires.Root();
        using ChangingProgram program = new(_folder);
        Assert.SkipUnless(new PopulatedPages(program.Process, CancellationToken.None) { DetectHuge = true }
            .Of(MapReader.Read(program.Process).First(map => map.Start == program.Huge), AddressRange.All)
            .All(range => range.IsHuge == true), "the kernel had no huge page to give");
        using MemProc.CoreFile before = program.Core("own", isLast: false);
        program.Change();
        using MemProc.CoreFile after = program.Core("gzip", isLast: true);
        foreach (MemoryTarget target in (MemoryTarget[])[program.Process, after])
        {
            // Pages of libraries are also those of other processes.
            Assert.Equal(
                [
                    (program.Huge, HugeTlb.PageBytes / Page.Size, PageChangeKind.Split),
                    (MachinePage.Floor(program.Copied), 1, PageChangeKind.CopiedOnWrite),
                ],
                new MemoryComparer(before, target, new ComparisonOptions()).ComparePages()
                    .Where(change => change.Path.Length == 0 || change.Path == program.DataPath)
                    .Select(change => (change.Address, change.PageCount, change.Change & ~PageChangeKind.SoftDirty))
                    .Where(change => change.Item3 != PageChangeKind.None));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    private static void AssertChanges(ChangingProgram program, MemoryTarget before, MemoryTarget after)
    {
        MemoryComparer comparer = new(before, after, new ComparisonOptions());
        Assert.Equal(
            new[]
            {
                (ProcMapChangeKind.Removed, program.Removed, 4 * Page.Size, null),
                (ProcMapChangeKind.Protection, program.Protected, 3 * Page.Size, null),
                (ProcMapChangeKind.Added, program.Added, 4 * Page.Size, null),
                (ProcMapChangeKind.Moved, program.MovedTo, 8 * Page.Size, (ulong?)program.MovedFrom),
            },
            comparer.CompareMaps().Select(change => (change.Change, change.Start, change.SizeBytes, change.PreviousStart)));
        // The stack has what the loop of the program leaves there.
        Assert.Equal(
            new[] { (program.Byte, 1UL), (program.ChangedPage, Page.Size), (program.Copied, 1UL) },
            comparer.Differences().Where(change => change.Path != "[stack]").Select(change => (change.Address, change.ChangedBytes)));
        MemoryComparison summary = comparer.Summary();
        Assert.Equal((12 * Page.Size, 12 * Page.Size), (summary.AddedBytes, summary.RemovedBytes));
    }
}

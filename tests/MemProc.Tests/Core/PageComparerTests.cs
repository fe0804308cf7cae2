using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests that changes of pages between two moments are found once, and nothing else is.</summary>
public sealed class PageComparerTests : TargetTests
{
    [Fact]
    public void Each_change_of_pages_is_found_once()
    {
        Requires.Root();
        ulong area = MapSmallPages(16), zero = MapSmallPages(2), filled = MapSmallPages(4);
        using TemporaryFolder folder = new();
        string path = folder.File("data", new byte[4 * Page.Size]);
        ulong file = Target.Ask($"file 0 {4 * Page.Size} rw- private {path}").Address("address");
        Target.Ask($"fill {filled} {4 * Page.Size} 1");
        Target.Ask($"peek {zero} 1");
        Target.Ask($"peek {file} {4 * Page.Size}");
        ulong huge = FramePages.Huge(Target, Process);
        // Before Linux 6.7 pagemap does not say how large a page is.
        bool isSizeKnown = new PageMapWalk(Process).Range(huge, Page.Size).Single().IsHuge == true;
        using MemProc.CoreFile before = HoldPages();
        Target.Ask($"touch {area + 3 * Page.Size} 2");
        Target.Ask($"touch {zero} 1");
        Target.Ask($"touch {file + 2 * Page.Size} 1");
        Target.Ask($"advise {filled + Page.Size} {Page.Size} 4");
        // A part with other permissions cannot be mapped by a huge entry; its frames stay.
        Target.Ask($"protect {huge + Page.Size} {Page.Size} r--");
        Assert.Equal([(area + 3 * Page.Size, 2UL, PageChangeKind.BecamePresent)], Pages(before, area, 16));
        Assert.Equal([(zero, 1UL, PageChangeKind.CopiedOnWrite)], Pages(before, zero, 2));
        Assert.Equal([(file + 2 * Page.Size, 1UL, PageChangeKind.CopiedOnWrite)], Pages(before, file, 4));
        Assert.Equal([(filled + Page.Size, 1UL, PageChangeKind.Dropped)], Pages(before, filled, 4));
        ulong hugePages = HugeTlb.PageBytes / Page.Size;
        (ulong Address, ulong Count, PageChangeKind Change)[] split = Pages(before, huge, hugePages);
        Assert.All(split, change => Assert.Equal(PageChangeKind.Split, change.Change));
        Assert.Equal(isSizeKnown ? hugePages : 0, split.Aggregate(0UL, (sum, change) => sum + change.Count));
        // Two cores with page information compare like a core and the process.
        using MemProc.CoreFile after = HoldPages();
        Assert.Equal(Pages(before, file, 4), Pages(before, file, 4, after));
        Assert.Empty(Pages(after, file, 4));
    }

    [Fact]
    public void A_page_that_was_dropped_and_filled_again_has_another_frame()
    {
        Requires.Root();
        ulong area = MapSmallPages(4), spare = MapSmallPages(64);
        Target.Ask($"fill {area} {4 * Page.Size} 1");
        using MemProc.CoreFile before = HoldPages();
        ulong page = area + Page.Size, pfn = FramePages.Pfns(Process, page, 1)[0];
        for (ulong used = 0; used < 64 && FramePages.Pfns(Process, page, 1)[0] == pfn; used++)
        {
            Target.Ask($"advise {page} {Page.Size} 4");
            // Takes the frame that is free now.
            Target.Ask($"touch {spare + used * Page.Size} 1");
            Target.Ask($"touch {page} 1");
        }

        Assert.Equal([(page, 1UL, PageChangeKind.OtherFrame)], Pages(before, area, 4));
    }

    [Fact]
    public void Small_pages_that_became_a_huge_page_are_found()
    {
        Requires.Root();
        ulong hugePages = HugeTlb.PageBytes / Page.Size;
        ulong area = Target.Ask($"map {HugeTlb.PageBytes} rw- private").Address("address");
        Target.Ask($"advise {area} {HugeTlb.PageBytes} 15");
        Target.Ask($"touch {area} {hugePages}");
        using MemProc.CoreFile before = HoldPages();
        Target.Ask($"advise {area} {HugeTlb.PageBytes} 14");
        try
        {
            Target.Ask($"advise {area} {HugeTlb.PageBytes} 25");
        }
        catch (TargetException refused)
        {
            Assert.Skip($"needs MADV_COLLAPSE: {refused.Message}");
        }

        Assert.SkipWhen(new PageMapWalk(Process).Range(area, Page.Size).Single().IsHuge is null,
            "before Linux 6.7 pagemap does not say how large a page is");
        (ulong Address, ulong Count, PageChangeKind Change)[] changes = Pages(before, area, hugePages);
        Assert.All(changes, change => Assert.True(change.Change.HasFlag(PageChangeKind.BecameHuge)));
        Assert.Equal(hugePages, changes.Aggregate(0UL, (sum, change) => sum + change.Count));
    }

    [Fact]
    public void A_page_that_was_write_protected_by_userfaultfd_is_found()
    {
        ulong area = MapSmallPages(4);
        Target.Ask($"fill {area} {4 * Page.Size} 1");
        using MemProc.CoreFile before = HoldPages();
        Requires.Refusal(Target, area + 2 * Page.Size);
        Assert.Equal([(area + 2 * Page.Size, 1UL, PageChangeKind.WriteProtection)], Pages(before, area, 4));
    }

    [Fact]
    public void A_guard_region_is_found_when_it_comes_and_when_it_goes()
    {
        ulong area = MapSmallPages(8);
        Target.Ask($"fill {area} {8 * Page.Size} 1");
        using MemProc.CoreFile before = HoldPages();
        Requires.Guard(Target, area + 3 * Page.Size, 2 * Page.Size);
        Assert.SkipUnless((PageMapSupport.UnknownBits(Process) & PageMapSupport.Guard) == 0, "pagemap does not show guard regions here");
        Assert.Equal([(area + 3 * Page.Size, 2UL, PageChangeKind.Guard)], Pages(before, area, 8));
        using MemProc.CoreFile guarded = HoldPages();
        Target.Ask($"advise {area + 3 * Page.Size} {Page.Size} 103");
        Assert.Equal([(area + 3 * Page.Size, 1UL, PageChangeKind.Guard)], Pages(guarded, area, 8));
    }

    [Fact]
    public void A_page_that_anotherProcess_maps_too_is_found()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("shared", new byte[4 * Page.Size]);
        ulong area = Target.Ask($"file 0 {4 * Page.Size} rw- shared {path}").Address("address");
        // Written: the kernel maps the pages around one that is read, too.
        Target.Ask($"touch {area} 4");
        using MemProc.CoreFile before = HoldPages();
        using TargetProcess other = TargetProcess.Start();
        ulong theirs = other.Ask($"file {Page.Size} {Page.Size} rw- shared {path}").Address("address");
        other.Ask($"touch {theirs} 1");
        Assert.Equal([(area + Page.Size, 1UL, PageChangeKind.Sharing)], Pages(before, area, 4));
    }

    [Fact]
    public void Pages_of_a_core_without_page_information_are_an_error()
    {
        using MemProc.CoreFile before = MemorySaver.SaveUnnamed(Process, new SaveOptions(), _ => { }, CancellationToken.None);
        Assert.Equal(Errno.ENODATA, Assert.Throws<MemProcException>(
            () => new MemoryComparer(before, Process, new ComparisonOptions()).ComparePages().ToArray()).Errno);
    }

    private MemProc.CoreFile HoldPages() => MemorySaver.SaveUnnamed(
        Process, new SaveOptions { PageInfo = true, NoContent = true }, _ => { }, CancellationToken.None);

    private (ulong Address, ulong Count, PageChangeKind Change)[] Pages(
        MemoryTarget before, ulong address, ulong pages, MemoryTarget? after = null) =>
    [
        .. new MemoryComparer(before, after ?? Process, new ComparisonOptions().From(address, pages * Page.Size)).ComparePages()
            .Select(change => (change.Address, change.PageCount, change.Change & ~PageChangeKind.SoftDirty)),
    ];
}

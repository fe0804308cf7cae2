using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests that changes of pages between two moments are found once, and nothing else is.</summary>
public sealed class PageComparerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TargetProcess _target = TargetProcess.Start();
    private readonly LinuxProcess _process;

    public PageComparerTests() => _process = LinuxProcess.Open(_target.ProcessId);

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Dispose();
        _target.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Each_change_of_pages_is_found_once()
    {
        Requires.Root();
        ulong area = Map(16), zero = Map(2), filled = Map(4);
        string path = _folder.File("data", new byte[4 * Page.Size]);
        ulong file = _target.Ask($"file 0 {4 * Page.Size} rw- private {path}").Address("address");
        _target.Ask($"fill {filled} {4 * Page.Size} 1");
        _target.Ask($"peek {zero} 1");
        _target.Ask($"peek {file} {4 * Page.Size}");
        ulong huge = FramePages.Huge(_target, _process);
        // Before Linux 6.7 pagemap does not say how large a page is.
        bool isSizeKnown = new PageMapWalk(_process).Range(huge, Page.Size).Single().IsHuge == true;
        using MemProc.CoreFile before = HoldPages();
        _target.Ask($"touch {area + 3 * Page.Size} 2");
        _target.Ask($"touch {zero} 1");
        _target.Ask($"touch {file + 2 * Page.Size} 1");
        _target.Ask($"advise {filled + Page.Size} {Page.Size} 4");
        // A part with other permissions cannot be mapped by a huge entry; its frames stay.
        _target.Ask($"protect {huge + Page.Size} {Page.Size} r--");
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
        ulong area = Map(4), spare = Map(64);
        _target.Ask($"fill {area} {4 * Page.Size} 1");
        using MemProc.CoreFile before = HoldPages();
        ulong page = area + Page.Size, pfn = FramePages.Pfns(_process, page, 1)[0];
        for (ulong used = 0; used < 64 && FramePages.Pfns(_process, page, 1)[0] == pfn; used++)
        {
            _target.Ask($"advise {page} {Page.Size} 4");
            // Takes the frame that is free now.
            _target.Ask($"touch {spare + used * Page.Size} 1");
            _target.Ask($"touch {page} 1");
        }

        Assert.Equal([(page, 1UL, PageChangeKind.OtherFrame)], Pages(before, area, 4));
    }

    [Fact]
    public void Small_pages_that_became_a_huge_page_are_found()
    {
        Requires.Root();
        ulong hugePages = HugeTlb.PageBytes / Page.Size;
        ulong area = _target.Ask($"map {HugeTlb.PageBytes} rw- private").Address("address");
        _target.Ask($"advise {area} {HugeTlb.PageBytes} 15");
        _target.Ask($"touch {area} {hugePages}");
        using MemProc.CoreFile before = HoldPages();
        _target.Ask($"advise {area} {HugeTlb.PageBytes} 14");
        try
        {
            _target.Ask($"advise {area} {HugeTlb.PageBytes} 25");
        }
        catch (TargetException refused)
        {
            Assert.Skip($"needs MADV_COLLAPSE: {refused.Message}");
        }

        Assert.SkipWhen(new PageMapWalk(_process).Range(area, Page.Size).Single().IsHuge is null,
            "before Linux 6.7 pagemap does not say how large a page is");
        (ulong Address, ulong Count, PageChangeKind Change)[] changes = Pages(before, area, hugePages);
        Assert.All(changes, change => Assert.True(change.Change.HasFlag(PageChangeKind.BecameHuge)));
        Assert.Equal(hugePages, changes.Aggregate(0UL, (sum, change) => sum + change.Count));
    }

    [Fact]
    public void A_page_that_was_write_protected_by_userfaultfd_is_found()
    {
        ulong area = Map(4);
        _target.Ask($"fill {area} {4 * Page.Size} 1");
        using MemProc.CoreFile before = HoldPages();
        Requires.Refusal(_target, area + 2 * Page.Size);
        Assert.Equal([(area + 2 * Page.Size, 1UL, PageChangeKind.WriteProtection)], Pages(before, area, 4));
    }

    [Fact]
    public void A_guard_region_is_found_when_it_comes_and_when_it_goes()
    {
        ulong area = Map(8);
        _target.Ask($"fill {area} {8 * Page.Size} 1");
        using MemProc.CoreFile before = HoldPages();
        try
        {
            _target.Ask($"advise {area + 3 * Page.Size} {2 * Page.Size} 102");
        }
        catch (TargetException refused)
        {
            Assert.Skip($"needs MADV_GUARD_INSTALL: {refused.Message}");
        }

        Assert.SkipUnless((PageMapSupport.UnknownBits(_process) & PageMapSupport.Guard) == 0, "pagemap does not show guard regions here");
        Assert.Equal([(area + 3 * Page.Size, 2UL, PageChangeKind.Guard)], Pages(before, area, 8));
        using MemProc.CoreFile guarded = HoldPages();
        _target.Ask($"advise {area + 3 * Page.Size} {Page.Size} 103");
        Assert.Equal([(area + 3 * Page.Size, 1UL, PageChangeKind.Guard)], Pages(guarded, area, 8));
    }

    [Fact]
    public void A_page_that_another_process_maps_too_is_found()
    {
        string path = _folder.File("shared", new byte[4 * Page.Size]);
        ulong area = _target.Ask($"file 0 {4 * Page.Size} rw- shared {path}").Address("address");
        // Written: the kernel maps the pages around one that is read, too.
        _target.Ask($"touch {area} 4");
        using MemProc.CoreFile before = HoldPages();
        using TargetProcess other = TargetProcess.Start();
        ulong theirs = other.Ask($"file {Page.Size} {Page.Size} rw- shared {path}").Address("address");
        other.Ask($"touch {theirs} 1");
        Assert.Equal([(area + Page.Size, 1UL, PageChangeKind.Sharing)], Pages(before, area, 4));
    }

    [Fact]
    public void Pages_of_a_core_without_page_information_are_an_error()
    {
        using MemProc.CoreFile before = MemorySaver.SaveUnnamed(_process, new SaveOptions(), _ => { }, CancellationToken.None);
        Assert.Equal(Errno.ENODATA, Assert.Throws<MemProcException>(
            () => new MemoryComparer(before, _process, new ComparisonOptions()).ComparePages().ToArray()).Errno);
    }

    private ulong Map(int pages)
    {
        ulong address = _target.Ask($"map {(ulong)pages * Page.Size} rw- private").Address("address");
        _target.Ask($"advise {address} {(ulong)pages * Page.Size} 15");
        return address;
    }

    private MemProc.CoreFile HoldPages() => MemorySaver.SaveUnnamed(
        _process, new SaveOptions { PageInfo = true, NoContent = true }, _ => { }, CancellationToken.None);

    private (ulong Address, ulong Count, PageChangeKind Change)[] Pages(
        MemoryTarget before, ulong address, ulong pages, MemoryTarget? after = null) =>
    [
        .. new MemoryComparer(before, after ?? _process, new ComparisonOptions().From(address, pages * Page.Size)).ComparePages()
            .Select(change => (change.Address, change.PageCount, change.Change & ~PageChangeKind.SoftDirty)),
    ];
}

namespace MemProc.Tests;

/// <summary>A huge page of which half is in a swap area on a disk: only in a guest, which has a disk for it.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class GuestSwapTests : IDisposable
{
    private const int AdvisePageOut = 21;
    private static readonly ulong Bytes = HugeTlb.PageBytes, Half = HugeTlb.PageBytes / 2;
    private static readonly int HalfPages = (int)(Half / Page.Size);

    private readonly TemporaryFolder _folder = new();
    private readonly string? _device;
    private readonly TargetProcess? _target;
    private readonly LinuxProcess? _process;
    private readonly ulong _address;
    private readonly byte[] _before = [];

    public GuestSwapTests()
    {
        Requires.Guest();
        string? device = Environment.GetEnvironmentVariable("MEMPROC_GUEST_SWAP");
        Assert.SkipUnless(File.Exists(device), "needs a disk for a swap area");
        Shell.Run(Requires.Tool("mkswap"), device);
        Shell.Run(Requires.Tool("swapon"), device);
        _device = device;
        try
        {
            _target = TargetProcess.Start();
            _process = LinuxProcess.Open(_target.ProcessId);
            _address = FramePages.Huge(_target, _process);
            _target.Ask($"fill {_address} {Bytes} 5");
            _before = new MemoryReader(_process, ReadMethod.Auto).ReadExactly(_address, Bytes);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    [Fact]
    public void Entries_and_status_agree_with_smaps()
    {
        Assert.Equal(Bytes, Detail().AnonHugePagesBytes);
        PageOutSecondHalf();
        PageMapEntry[] pages = Pages(_process!);
        Assert.All(pages.Take(HalfPages), page => Assert.True(page is { IsPresent: true, IsSwapped: false, IsHuge: not true }));
        ulong[] slots = [.. pages.Skip(HalfPages).Select(page => page.SwapOffset!.Value)];
        Assert.Equal(HalfPages, slots.Distinct().Count());
        Assert.Equal([0], pages.Skip(HalfPages).Select(page => page.SwapType!.Value).Distinct());
        ProcMapDetail map = Detail();
        Assert.Equal((Half, Half, 0UL), (map.RssBytes!.Value, map.SwapBytes!.Value, map.AnonHugePagesBytes!.Value));
        ulong swapped = (ulong)MapReader.ReadDetailed(_process!).Sum(one => (long)(one.SwapBytes ?? 0));
        ProcMemoryStatusDetail status = MemoryStatusReader.ReadDetailed(_process!);
        Assert.Equal(swapped, status.Counters["Swap"]);
        Assert.InRange(status.VmSwapBytes!.Value, Half, swapped + Half / 2);
    }

    [Fact]
    public void The_page_table_has_the_same_slots()
    {
        LiveKernel.Require();
        PageOutSecondHalf();
        using PageTableReader tables = new(LiveKernel.Source);
        PageTableWalk[] walks = [.. tables.WalksIn(_process!, _address, Bytes)];
        PageMapEntry[] pages = Pages(_process!);
        Assert.Equal(pages.Take(HalfPages).Select(page => page.Pfn!.Value), walks.Where(walk => walk.IsPresent).Select(walk => walk.Pfn!.Value));
        foreach (PageMapEntry page in new[] { pages[HalfPages], pages[^1] })
        {
            PageTableEntry last = tables.Entries(_process!, page.Address)[^1];
            Assert.False(last.IsPresent);
            Assert.Equal(((uint?)page.SwapType, page.SwapOffset), (last.SwapType, last.SwapOffset));
        }
    }

    [Fact]
    public void A_read_of_resident_pages_leaves_the_others_in_swap()
    {
        PageOutSecondHalf();
        MemoryReader resident = new(_process!, ReadMethod.Auto) { ResidentOnly = true };
        byte[] bytes = new byte[Bytes];
        MemoryGap gap = Assert.Single(resident.Read(_address, bytes));
        Assert.Equal((_address + Half, Half, MemoryGapKind.NotResident), (gap.Address, gap.Length, gap.Kind));
        Assert.Equal(_before[..(int)Half], bytes[..(int)Half]);
        Assert.Equal(HalfPages, Pages(_process!).Count(page => page.IsSwapped));
        Assert.Equal(_before, new MemoryReader(_process!, ReadMethod.Auto).ReadExactly(_address, Bytes));
        Assert.DoesNotContain(Pages(_process!), page => page.IsSwapped);
    }

    [Fact]
    public void A_core_has_gaps_for_swapped_pages_unless_all_is_read()
    {
        PageOutSecondHalf();
        using (MemProc.CoreFile core = Save("resident.core", new SaveOptions { PageInfo = true }, out MemoryDump dump))
        {
            MemoryGap gap = Assert.Single(dump.Gaps);
            Assert.Equal((_address + Half, Half, MemoryGapKind.NotResident), (gap.Address, gap.Length, gap.Kind));
            Assert.Equal(Pages(_process!).Select(page => page.Raw), Pages(core).Select(page => page.Raw));
            Assert.Equal(HalfPages, Pages(core).Count(page => page.IsSwapped));
        }

        using MemProc.CoreFile all = Save("all.core", new SaveOptions { ReadAll = true }, out MemoryDump whole);
        Assert.Empty(whole.Gaps);
        Assert.Equal(_before, new MemoryReader(all, ReadMethod.Auto).ReadExactly(_address, Bytes));
    }

    [Fact]
    public void Exactly_the_swapped_pages_are_compared_as_such()
    {
        ComparisonOptions options = new ComparisonOptions().From(_address, Bytes);
        using MemProc.CoreFile content = MemorySaver.SaveUnnamed(_process!, new SaveOptions(), _ => { }, CancellationToken.None);
        using MemProc.CoreFile pages = MemorySaver.SaveUnnamed(
            _process!, new SaveOptions { PageInfo = true, NoContent = true }, _ => { }, CancellationToken.None);
        PageOutSecondHalf();
        PageChange[] changes = [.. new MemoryComparer(pages, _process!, options).ComparePages()];
        Assert.Equal((ulong)HalfPages, (ulong)changes.Where(change => change.Change.HasFlag(PageChangeKind.SwappedOut))
            .Sum(change => (long)change.PageCount));
        Assert.All(changes, change => Assert.Equal(
            change.Address >= _address + Half, change.Change.HasFlag(PageChangeKind.SwappedOut)));
        Assert.Empty(new MemoryComparer(content, _process!, options).Differences());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process?.Dispose();
        _target?.Dispose();
        if (_device is not null)
        {
            Shell.Run(Requires.Tool("swapoff"), _device);
        }

        _folder.Dispose();
    }

    private PageMapEntry[] Pages(MemoryTarget target) => [.. new PageMapWalk(target).Range(_address, Bytes)];

    private ProcMapDetail Detail() => MapReader.ReadDetailed(_process!).Single(map => map.Start == _address);

    private MemProc.CoreFile Save(string name, SaveOptions options, out MemoryDump dump)
    {
        dump = MemorySaver.Save(_process!, [AddressExpression.FromNumber(_address, Bytes)], Path.Combine(_folder.Path, name),
            options, _ => { }, CancellationToken.None);
        return MemProc.CoreFile.Open(dump.Path);
    }

    /// <summary>The kernel splits the huge page, and does not page out what is still in a per-CPU batch: it is repeated.</summary>
    private void PageOutSecondHalf()
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            _target!.Ask($"advise {_address + Half} {Half} {AdvisePageOut}");
            if (Pages(_process!).Skip(HalfPages).All(page => page.IsSwapped))
            {
                return;
            }

            Thread.Sleep(50);
        }

        Assert.Fail("The kernel does not swap out the half of a huge page.");
    }
}

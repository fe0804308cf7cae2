using System.Globalization;

namespace MemProc.Tests;

/// <summary>Compares the count of all page frames with meminfo, buddyinfo, slabinfo and the target's own memory.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class PageFrameMeterTests : TargetTests
{
    /// <summary>Other programs allocate and free memory during a test: a comparison may need several attempts.</summary>
    private const int MaxAttempts = 10;

    [Fact]
    public void All_frames_add_up_to_MemTotal_by_every_grouping()
    {
        using PageFrameMeter meter = Meter();
        foreach (PageFrameGrouping grouping in Enum.GetValues<PageFrameGrouping>().Where(by => by != PageFrameGrouping.Process))
        {
            IReadOnlyList<PageFrameGroup> groups = meter.Count(grouping);
            PageFrameTotal total = groups[0].Total;
            Assert.Equal(total.PageCount, groups.Aggregate(0UL, (sum, group) => sum + group.PageCount));
            Assert.InRange(groups.Sum(group => group.Percent), 99.9, 100.1);
            Assert.Equal(groups.OrderByDescending(group => group.PageCount).Select(group => group.PageCount),
                groups.Select(group => group.PageCount));
            Assert.True(total.IsComplete);
            // Frames that change their use during the count may move a few pages between what is reserved and what is not.
            Assert.InRange(total.DifferenceBytes!.Value, -(long)total.MemTotalBytes!.Value / 200, (long)total.MemTotalBytes.Value / 200);
        }
    }

    [Fact]
    public void Free_blocks_of_each_order_are_those_of_buddyinfo()
    {
        using PageFrameMeter meter = Meter();
        string faults = "";
        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            ulong[] before = BuddyPages();
            IReadOnlyList<PageFrameGroup> groups = meter.Count(
                PageFrameGrouping.Order, filter: new PageFrameFilter { Kinds = [PageFrameKind.Free] });
            ulong[] after = BuddyPages();
            faults = string.Join("; ", Enumerable.Range(1, before.Length - 1)
                .Select(order => (Order: order, Found: groups
                    .FirstOrDefault(group => group.Name.StartsWith($"free, order {order} ", StringComparison.Ordinal))?.PageCount ?? 0))
                .Where(found => !IsNear(found.Found, before[found.Order], after[found.Order]))
                .Select(found => $"order {found.Order}: {found.Found} of {before[found.Order]} to {after[found.Order]}"));
            if (faults.Length == 0)
            {
                return;
            }
        }

        Assert.Fail(faults);
    }

    [Fact]
    public void Slabs_of_each_cache_are_those_of_slabinfo()
    {
        using PageFrameMeter meter = Meter();
        string faults = "";
        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            Dictionary<string, ulong> before = SlabPages();
            Dictionary<string, ulong> found = meter.Count(
                PageFrameGrouping.Slab, filter: new PageFrameFilter { Kinds = [PageFrameKind.Slab] })
                .ToDictionary(group => group.Name, group => group.PageCount);
            Dictionary<string, ulong> after = SlabPages();
            faults = string.Join("; ", before.Keys.Where(after.ContainsKey)
                .Where(name => !IsNear(found.GetValueOrDefault(name), before[name], after[name]))
                .Select(name => $"{name}: {found.GetValueOrDefault(name)} of {before[name]} to {after[name]}"));
            // Every cache with slabs is found by its name.
            Assert.Subset(found.Keys.ToHashSet(), before.Where(cache => cache.Value > 1000).Select(cache => cache.Key).ToHashSet());
            if (faults.Length == 0)
            {
                return;
            }
        }

        Assert.Fail(faults);
    }

    [Fact]
    public void A_file_counts_the_pages_that_are_cached()
    {
        using PageFrameMeter meter = Meter();
        using CachedFile file = new(pages: 300);
        PageFrameGroup group = Assert.Single(meter.Count(
            PageFrameGrouping.File, filter: new PageFrameFilter { Path = path => path == file.FilePath }));
        Assert.Equal((file.FilePath, (ulong)file.Resident().Length), (group.Name, group.PageCount));
        Assert.False(group.Total.IsComplete);
        Assert.Null(group.Total.DifferenceBytes);
        // All the other ways to count them.
        PageFrameFilter filter = new() { Path = path => path == file.FilePath };
        Assert.Equal(group.PageCount, Assert.Single(meter.Count(PageFrameGrouping.Node, filter: filter)).PageCount);
        Assert.Equal(group.Kind, Assert.Single(meter.Count(PageFrameGrouping.Kind, filter: filter)).Kind);
    }

    [Fact]
    public void Ranges_are_counted_alone()
    {
        using PageFrameMeter meter = Meter();
        ulong address = FramePages.Anonymous(Target, 4);
        PfnRange[] ranges = [.. FramePages.Pfns(Process, address, 4).Select(pfn => new PfnRange(pfn)), new PfnRange(1UL << 40, 5)];
        PageFrameGroup group = Assert.Single(meter.Count(PageFrameGrouping.Kind, ranges));
        Assert.Equal((PageFrameKind.Anonymous, 4UL, (int?)null), (group.Kind, group.PageCount, group.ProcessId));
    }

    private static PageFrameMeter Meter()
    {
        LiveKernel.Require();
        return new PageFrameMeter(LiveKernel.Source);
    }

    /// <summary>Whether a count lies between two others, with some room for what came and went between them.</summary>
    private static bool IsNear(ulong found, ulong before, ulong after)
    {
        ulong low = Math.Min(before, after), high = Math.Max(before, after);
        ulong room = high / 50 + 128;
        return found + room >= low && found <= high + room;
    }

    private static ulong[] BuddyPages()
    {
        ulong[] pages = new ulong[16];
        int orders = 0;
        foreach (string line in File.ReadLines("/proc/buddyinfo"))
        {
            string[] counts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[4..];
            orders = counts.Length;
            for (int order = 0; order < orders; order++)
            {
                pages[order] += ulong.Parse(counts[order], CultureInfo.InvariantCulture) << order;
            }
        }

        return pages[..orders];
    }

    private static Dictionary<string, ulong> SlabPages()
    {
        Dictionary<string, ulong> pages = [];
        foreach (string line in File.ReadLines("/proc/slabinfo").Skip(2))
        {
            // name <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables … : slabdata <active> <num_slabs> …
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            pages[words[0]] = ulong.Parse(words[5], CultureInfo.InvariantCulture)
                * ulong.Parse(words[Array.IndexOf(words, "slabdata") + 2], CultureInfo.InvariantCulture);
        }

        return pages;
    }
}

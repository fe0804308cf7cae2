using System.Diagnostics;

namespace MemProc.Tests;

/// <summary>Tests the sums of resident, proportional and unique memory over pages.</summary>
public sealed class PageMemoryMeterTests
{
    private const ulong Present = 1UL << 63;
    private const ulong File = 1UL << 61;
    private const ulong Exclusive = 1UL << 56;

    [Fact]
    public void Pages_are_summed_by_how_often_they_are_mapped()
    {
        using SimulatedProcess simulated = Simulate();
        // The head of a large folio: compound_head.
        simulated.WriteFrames("kpageflags", 0x1000, 0, 0, 0, 1 << 15, 0, 0);
        simulated.WriteFrames("kpagecount", 0x1000, 1, 1, 2, 4, 0, 0);
        using LinuxProcess process = simulated.Open();
        ProcMemoryStatusPages pages = new PageMemoryMeter(process).Read();
        Assert.Equal(4 * Page.Size, pages.RssBytes);
        Assert.Equal(2 * Page.Size, pages.UssBytes);
        Assert.Equal(Page.Size * 11 / 4, pages.PssBytes);
        Assert.Equal(Page.Size * 5 / 4, pages.PssAnonBytes);
        Assert.Equal(2 * Page.Size, pages.AnonymousBytes);
        Assert.Equal(Page.Size, pages.UncertainBytes);
        Assert.Equal(4096UL, pages.VmRssBytes);
        Assert.Null(pages.SwapBytes);
        Assert.True(pages.MaxLockMicroseconds > 0);
    }

    [Fact]
    public void Unique_memory_is_known_where_map_counts_are_not()
    {
        using SimulatedProcess simulated = Simulate();
        using LinuxProcess process = simulated.Open();
        ProcMemoryStatusPages pages = new PageMemoryMeter(process).Read();
        Assert.Equal(2 * Page.Size, pages.UssBytes);
        Assert.Null(pages.RssBytes);
        Assert.Null(pages.PssBytes);
        Assert.Null(pages.UncertainBytes);
    }

    [Fact]
    public void Sums_equal_smaps_rollup()
    {
        Requires.Root();
        using Process sleep = Process.Start(Requires.Tool("sleep"), "60");
        try
        {
            SpinWait.SpinUntil(() => System.IO.File.ReadAllText($"/proc/{sleep.Id}/maps").Contains("libc", StringComparison.Ordinal), 10_000);
            using LinuxProcess process = LinuxProcess.Open(sleep.Id);
            // Other processes that start or exit change the sharing of pages of the same files.
            for (int attempt = 1; ; attempt++)
            {
                ProcMemoryStatusDetail before = MemoryStatusReader.ReadDetailed(process);
                ProcMemoryStatusPages pages = new PageMemoryMeter(process).Read();
                bool isQuiet = before.Counters.SequenceEqual(MemoryStatusReader.ReadDetailed(process).Counters);
                if (!isQuiet && attempt < 100)
                {
                    continue;
                }

                ulong uncertain = pages.UncertainBytes!.Value;
                Assert.Equal(before.RssBytes, pages.RssBytes);
                Assert.Equal(before.AnonymousBytes, pages.AnonymousBytes);
                Assert.InRange(pages.UssBytes!.Value, before.UssBytes!.Value - Math.Min(uncertain, before.UssBytes.Value), before.UssBytes.Value);
                // The kernel prints whole KiB.
                Assert.InRange((long)pages.PssBytes! - (long)before.PssBytes!, -(long)uncertain, 1023 + (long)uncertain);
                break;
            }
        }
        finally
        {
            sleep.Kill();
            sleep.WaitForExit();
        }
    }

    [Fact]
    public void A_canceled_read_throws()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.ThrowsAny<OperationCanceledException>(() => new PageMemoryMeter(process, new CancellationToken(canceled: true)).Read());
    }

    /// <summary>Two pages of its own, a file page and an anonymous page of several processes, the zero page, and one in swap.</summary>
    private static SimulatedProcess Simulate()
    {
        SimulatedProcess simulated = new();
        simulated.Write("status", "Name:\tsimulated\nState:\tS (sleeping)\nVmRSS:\t4 kB\nThreads:\t1\n");
        simulated.Write("maps", "400000-410000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, Present | Exclusive | 0x1000, Present | Exclusive | File | 0x1001,
            Present | File | 0x1002, Present | 0x1003, Present | 0x1004, 1UL << 62 | 0x55);
        simulated.WritePageMap(0x40f000, 0);
        return simulated;
    }
}

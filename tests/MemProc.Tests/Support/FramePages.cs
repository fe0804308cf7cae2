using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Pages of a target, one of each kind of memory, as a test made them.</summary>
internal static class FramePages
{
    private const int AdviseHugePage = 14;
    private const int AdviseMergeable = 12;

    /// <summary>Maps anonymous memory and touches its pages.</summary>
    public static ulong Anonymous(TargetProcess target, ulong pages = 1)
    {
        ulong address = target.Ask($"map {pages * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} {pages}");
        return address;
    }

    /// <summary>Maps anonymous memory that a transparent huge page backs; skips the test where the kernel has none.</summary>
    public static ulong Huge(TargetProcess target, LinuxProcess process)
    {
        const string Setting = "/sys/kernel/mm/transparent_hugepage/enabled";
        Assert.SkipUnless(File.Exists(Setting) && !File.ReadAllText(Setting).Contains("[never]", StringComparison.Ordinal),
            "needs transparent huge pages");
        ulong address = target.Ask($"map {HugeTlb.PageBytes} rw- private").Address("address");
        target.Ask($"advise {address} {HugeTlb.PageBytes} {AdviseHugePage}");
        target.Ask($"touch {address} {HugeTlb.PageBytes / Page.Size}");
        ulong[] pfns = Pfns(process, address, HugeTlb.PageBytes / Page.Size);
        Assert.SkipUnless(pfns[0] % (HugeTlb.PageBytes / Page.Size) == 0
            && pfns.Select((pfn, index) => pfn - (ulong)index).Distinct().Count() == 1, "the kernel had no huge page to give");
        return address;
    }

    /// <summary>Maps two pages with equal contents and waits until KSM has merged them.</summary>
    public static ulong Merged(TargetProcess target)
    {
        ulong address = target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        target.Ask($"fill {address} {Page.Size} 77");
        target.Ask($"fill {address + Page.Size} {Page.Size} 77");
        target.Ask($"advise {address} {2 * Page.Size} {AdviseMergeable}");
        Ksm.WaitForMerging();
        return address;
    }

    /// <summary>Maps secret memory and touches it; skips the test where the kernel has none.</summary>
    public static ulong Secret(TargetProcess target)
    {
        try
        {
            ulong address = target.Ask($"secret {Page.Size}").Address("address");
            target.Ask($"touch {address} 1");
            return address;
        }
        catch (TargetException refused)
        {
            Assert.Skip($"needs secret memory: {refused.Message}");
            return 0;
        }
    }

    /// <summary>Returns the frames of consecutive pages, which must be in memory.</summary>
    public static ulong[] Pfns(LinuxProcess process, ulong address, ulong pages = 1) =>
        [.. new PageMapWalk(process).Range(address, pages * Page.Size).Select(page => page.Pfn!.Value)];

    /// <summary>
    /// Returns the kind that the flags of kpageflags say, as its documentation describes them; null where they leave it
    /// open.
    /// </summary>
    public static PageFrameKind? KindOf(PageFlags frame)
    {
        HashSet<string> flags = [.. new KernelPageFlagSet(frame.RawFlags).Names];
        bool Has(string flag) => flags.Contains(flag);
        return Has("buddy") ? PageFrameKind.Free
            : Has("slab") ? PageFrameKind.Slab
            : Has("pgtable") ? PageFrameKind.PageTable
            : Has("huge") ? PageFrameKind.HugeTlb
            : Has("zero_page") ? PageFrameKind.Zero
            : Has("offline") ? PageFrameKind.Offline
            : Has("reserved") ? PageFrameKind.Reserved
            : Has("anonymous") ? PageFrameKind.Anonymous
            : Has("swapcache") && !Has("mmap") ? PageFrameKind.SwapCache
            : Has("mmap") && Has("lru") ? (Has("swapbacked") ? PageFrameKind.SharedMemory : PageFrameKind.File)
            : null;
    }
}

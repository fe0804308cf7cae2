namespace MemProc.Tests;

/// <summary>Tests the frame index, and which processes share pages.</summary>
public sealed class PageSharingTests
{
    [Fact]
    public void Every_present_page_is_in_the_index()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {5000 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 2500 2");
        List<MemProcException> failures = [];
        List<int> visits = [];
        PfnIndex index = PfnIndex.Build([target.ProcessId, 4_194_305], visits.Add, failures.Add);
        Assert.Equal("OpenProcess,ESRCH", Assert.Single(failures).ErrorId);
        Assert.Equal([1, 2], visits);
        Assert.Equal(target.ProcessId, Assert.Single(index.Processes).ProcessId);

        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageMapEntry[] pages = [.. new PageMapWalk(process).Range(address, 5000 * Page.Size)];
        Assert.Equal(2500, pages.Length);
        Assert.All(pages, page => Assert.Contains(index.Owners(page.Pfn!.Value), owner =>
            owner.Address == page.Address && owner.Process.ProcessId == target.ProcessId));
        Assert.Empty(index.Owners(1UL << 39));
        Assert.InRange(index.PageCount, 2500, int.MaxValue);
    }

    [Fact]
    public void Private_and_shared_pages_are_distinguished_with_the_sharing_processes()
    {
        Requires.Root();
        using TemporaryFolder folder = new();
        string file = folder.File("shared", new byte[8 * Page.Size]);
        using TargetProcess first = TargetProcess.Start();
        using TargetProcess second = TargetProcess.Start();
        ulong[] shared = [.. new[] { first, second }.Select(target =>
            target.Ask($"file 0 {8 * Page.Size} rw- shared {file}").Address("address"))];
        first.Ask($"touch {shared[0]} 6");
        second.Ask($"touch {shared[1]} 2");
        ulong alone = first.Ask("seed").Address("address");

        PfnIndex index = PfnIndex.Build([first.ProcessId, second.ProcessId], _ => { }, error => throw error);
        using LinuxProcess process = LinuxProcess.Open(first.ProcessId);
        PageSharing[] all = [.. new PageSharingReader(index).Read(process)];
        PageSharing seed = Assert.Single(all, sharing => sharing.Start == alone);
        Assert.Equal((2UL, 2UL, 2 * Page.Size, 2 * Page.Size),
            (seed.PresentPages, seed.PrivatePages, seed.UssBytes, seed.PssBytes));
        Assert.Empty(seed.SharedWith);

        PageSharing mapping = Assert.Single(all, sharing => sharing.Start == shared[0]);
        PageMapEntry[] theirs = Present(second, shared[1], 8);
        PageMapEntry[] ours = Present(first, shared[0], 8);
        ulong common = (ulong)ours.IntersectBy(theirs.Select(page => page.Pfn), page => page.Pfn).Count();
        Assert.True(common >= 2);
        Assert.Equal(((ulong)ours.Length, common), (mapping.PresentPages, mapping.SharedPages));
        Assert.Equal(new PageSharer(second.ProcessId, "dotnet", common), Assert.Single(mapping.SharedWith));
        Assert.Equal((mapping.PrivatePages * 2 + common) * Page.Size / 2, mapping.PssBytes);

        PageSharing vdso = Assert.Single(all, sharing => sharing.Path == "[vdso]");
        Assert.Equal(second.ProcessId, Assert.Single(vdso.SharedWith).ProcessId);
    }

    [Fact]
    public void Private_memory_equals_smaps()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {100 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 70");
        PfnIndex index = PfnIndex.Build([target.ProcessId], _ => { }, error => throw error);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        PageSharing sharing = Assert.Single(new PageSharingReader(index).Read(process), one => one.Start == address);
        ProcMapDetail map = Assert.Single(MapReader.ReadDetailed(process), one => one.Start == address);
        Assert.Equal((map.UssBytes, map.PssBytes), (sharing.UssBytes, sharing.PssBytes));
    }

    [Fact]
    public void The_index_uses_the_given_procfs_and_visits_run_on_the_callers_thread()
    {
        const ulong Present = 1UL << 63;
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-402000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, Present | 0x77, Present | 0x1234);
        List<int> threads = [];
        PfnIndex index = PfnIndex.Build([Environment.ProcessId, Environment.ProcessId + 1],
            _ => threads.Add(Environment.CurrentManagedThreadId), _ => threads.Add(Environment.CurrentManagedThreadId),
            files: simulated.Files);
        Assert.Equal(Enumerable.Repeat(Environment.CurrentManagedThreadId, 3), threads);
        Assert.Equal(2, index.PageCount);
        Assert.Equal(0x401000UL, Assert.Single(index.Owners(0x1234)).Address);
    }

    [Theory]
    // Mapped twice, found once: another process has it.
    [InlineData(0x8000_0000_0000_1234, 2, 0, 1, 2048)]
    // Mapped once.
    [InlineData(0x8000_0000_0000_1234, 1, 1, 0, 4096)]
    // Exclusive: the count is the average of a large folio (CONFIG_NO_PAGE_MAPCOUNT).
    [InlineData(0x8100_0000_0000_1234, 3, 1, 0, 4096)]
    // The zero page is not counted.
    [InlineData(0x8000_0000_0000_1234, 0, 1, 0, 4096)]
    public void A_page_that_is_mapped_more_often_than_found_is_shared_with_a_process_that_was_not_read(
        ulong entry, ulong mapCount, ulong privatePages, ulong unseenPages, ulong pssBytes)
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-401000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, entry);
        simulated.WriteFrames("kpageflags", 0x1234, 0);
        simulated.WriteFrames("kpagecount", 0x1234, mapCount);
        PfnIndex index = PfnIndex.Build([Environment.ProcessId], _ => { }, error => throw error, files: simulated.Files);
        using LinuxProcess process = simulated.Open();
        PageSharing sharing = Assert.Single(new PageSharingReader(index, simulated.Files).Read(process));
        Assert.Equal((1UL, privatePages, unseenPages, pssBytes), (sharing.PresentPages, sharing.PrivatePages,
            sharing.UnseenSharedPages!.Value, sharing.PssBytes * 4096 / Page.Size));

        File.Delete(Path.Combine(simulated.Files.Proc, "kpagecount"));
        Assert.Null(Assert.Single(new PageSharingReader(index, simulated.Files).Read(process)).UnseenSharedPages);
    }

    private static PageMapEntry[] Present(TargetProcess target, ulong address, ulong pages)
    {
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        return [.. new PageMapWalk(process) { Filter = new PageFilter { IsPresent = true } }
            .Range(address, pages * Page.Size)];
    }
}

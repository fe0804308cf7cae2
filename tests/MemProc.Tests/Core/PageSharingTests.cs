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

    [Fact]
    public void The_index_of_shared_pages_gives_the_same_answers()
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
        int[] ids = [first.ProcessId, second.ProcessId];
        using LinuxProcess process = LinuxProcess.Open(first.ProcessId);
        PfnIndex all = PfnIndex.Build(ids, _ => { }, error => throw error);
        PfnIndex some = PfnIndex.BuildShared(process, ids, _ => { }, error => throw error);
        Assert.InRange(some.PageCount, 1, all.PageCount - 1);
        Assert.Equal(Described(all), Described(some));

        // The runtime of the targets maps other memory meanwhile.
        string[] Described(PfnIndex index) =>
        [
            .. new PageSharingReader(index).Read(process)
                .Where(sharing => sharing.Start == alone || sharing.Start == shared[0] || sharing.Path == "[vdso]")
                .Select(sharing => $"{sharing.Start:x} {sharing.PresentPages} {sharing.PrivatePages} "
                    // Every process maps the vDSO, and others start and exit meanwhile.
                    + $"{(sharing.Path == "[vdso]" ? 0 : sharing.PssBytes)} "
                    + $"{sharing.UnseenSharedPages} {string.Join(", ", sharing.SharedWith.Select(sharer => $"{sharer}"))}"),
        ];
    }

    [Theory]
    // Mapped by the process alone: the other process, which does not exist, is not looked for.
    [InlineData(0x8100_0000_0000_1234, 0x8100_0000_0000_1235, 1, 0, 0)]
    // Another process may map one of them.
    [InlineData(0x8100_0000_0000_1234, 0xa000_0000_0000_1235, 2, 1, 1)]
    // Mapped twice by the process itself.
    [InlineData(0x8100_0000_0000_1234, 0x8100_0000_0000_1234, 2, 1, 2)]
    public void Other_processes_are_read_only_if_a_page_may_be_shared(
        ulong first, ulong second, int visits, int failures, int pages)
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-402000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, first, second);
        using LinuxProcess process = simulated.Open();
        List<int> visited = [];
        List<MemProcException> failed = [];
        PfnIndex index = PfnIndex.BuildShared(
            process, [Environment.ProcessId, Environment.ProcessId + 1], visited.Add, failed.Add);
        Assert.Equal((visits, failures, pages), (visited.Count, failed.Count, (int)index.PageCount));
        Assert.Equal(Environment.ProcessId, Assert.Single(index.Processes).ProcessId);
    }

    [Fact]
    public void A_large_process_is_read_in_parts_and_its_pages_stay_in_order()
    {
        const ulong Pages = 80_000;
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Pages * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} {Pages}");
        PfnIndex index = PfnIndex.Build([target.ProcessId], _ => { }, error => throw error);
        Assert.InRange(index.PageCount, (long)Pages, long.MaxValue);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        int count = 0;
        foreach (PageMapEntry page in new PageMapWalk(process).Range(address, Pages * Page.Size))
        {
            // A frame of private memory that was written to is mapped once.
            Assert.Equal(page.Address, Assert.Single(index.Owners(page.Pfn!.Value)).Address);
            count++;
        }

        Assert.Equal((int)Pages, count);
    }

    private static PageMapEntry[] Present(TargetProcess target, ulong address, ulong pages)
    {
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        return [.. new PageMapWalk(process) { Filter = new PageFilter { IsPresent = true } }
            .Range(address, pages * Page.Size)];
    }
}

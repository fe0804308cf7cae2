namespace MemProc.Tests;

/// <summary>Tests the search for the addresses of frames.</summary>
public sealed class PfnSearchTests
{
    private const ulong Present = 1UL << 63, Swapped = 1UL << 62;

    [Fact]
    public void A_frame_resolves_to_its_address()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ulong[] frames = [.. new PageMapWalk(process).Range(address, 8192).Select(page => page.Pfn!.Value)];
        Assert.Equal([(address, frames[0]), (address + 4096, frames[1])],
            new PfnSearch(frames).In(process).OrderBy(owner => owner.Address).Select(owner => (owner.Address, owner.Pfn)));
    }

    [Fact]
    public void A_shared_frame_is_found_in_both_processes()
    {
        Requires.Root();
        using TemporaryFolder folder = new();
        string file = folder.File("shared", new byte[4 * Page.Size]);
        using TargetProcess first = TargetProcess.Start();
        using TargetProcess second = TargetProcess.Start();
        ulong[] addresses = [.. new[] { first, second }.Select(target =>
        {
            ulong address = target.Ask($"file 0 {4 * Page.Size} rw- shared {file}").Address("address");
            target.Ask($"touch {address} 4");
            return address;
        })];
        using LinuxProcess one = LinuxProcess.Open(first.ProcessId);
        using LinuxProcess other = LinuxProcess.Open(second.ProcessId);
        ulong pfn = new PageMapWalk(one).At(addresses[0] + 2 * Page.Size).Single().Pfn!.Value;
        PfnSearch search = new([pfn]);
        PfnOwner owner = Assert.Single(search.In(other));
        Assert.Equal((addresses[1] + 2 * Page.Size, "rw-s", file), (owner.Address, owner.Permissions, owner.Path));
        Assert.Equal(addresses[0] + 2 * Page.Size, Assert.Single(search.In(one)).Address);
    }

    [Fact]
    public void Processes_that_cannot_be_searched_are_reported_and_do_not_stop_the_others()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        ulong pfn;
        using (LinuxProcess process = LinuxProcess.Open(target.ProcessId))
        {
            pfn = new PageMapWalk(process).At(address).Single().Pfn!.Value;
        }

        List<string> failures = [];
        List<int> visits = [];
        PfnOwner owner = Assert.Single(new PfnSearch([pfn]).In(
            [4_194_305, target.ProcessId], visits.Add, error => failures.Add(error.ErrorId)));
        Assert.Equal((target.ProcessId, address), (owner.ProcessId, owner.Address));
        Assert.Equal(["OpenProcess,ESRCH"], failures);
        Assert.Equal([1, 2], visits);
    }

    [Fact]
    public void Every_address_is_found_from_the_lowest_to_the_highest()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        using TargetProcess other = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        (ulong Address, ulong Pfn)[] pages;
        using (LinuxProcess process = LinuxProcess.Open(target.ProcessId))
        {
            // The program's first page is the lowest; the main thread's stack is near the end of the address space.
            ProcMap stack = MapReader.Read(process).Single(map => map.Kind == ProcMapKind.Stack);
            PageMapWalk walk = new(process);
            PageMapEntry[] present = [.. walk.All().Where(page => page is { IsPresent: true, IsExclusive: true })];
            pages = [.. new[] { present[0], present.Single(page => page.Address == address),
                present.Last(page => page.Address < stack.End) }.Select(page => (page.Address, page.Pfn!.Value))];
            Assert.True(pages[2].Address >= stack.Start);
        }

        List<string> failures = [];
        Assert.Equal(
            pages.Select(page => (target.ProcessId, page.Address, page.Pfn)),
            new PfnSearch(pages.Select(page => page.Pfn))
                .In([other.ProcessId, target.ProcessId], _ => { }, error => failures.Add(error.ErrorId))
                .OrderBy(owner => owner.Address).Select(owner => (owner.ProcessId, owner.Address, owner.Pfn)));
        Assert.Empty(new PfnSearch([(1UL << 55) - 1])
            .In([other.ProcessId, target.ProcessId], _ => { }, error => failures.Add(error.ErrorId)));
        Assert.Empty(failures);
    }

    [Fact]
    public void Swap_entries_never_match()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-403000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, Swapped | 0x1234, Present | 0x1234, Present | 0x11234);
        using LinuxProcess process = simulated.Open();
        // 0x11234 has the same position in the filter as 0x1234.
        PfnOwner owner = Assert.Single(new PfnSearch([0x1234, 0x5678]).In(process));
        Assert.Equal((0x401000UL, 0x1234UL), (owner.Address, owner.Pfn));
    }

    [Fact]
    public void Ranges_of_any_size_match_their_frames_without_a_list_of_them()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-406000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, Present | 0xfff, Present | 0x1000, Present | 0x5000, Present | 0x7fff_ffff,
            Present | 0x8000_0000, Present | 0x9_0000_0000);
        using LinuxProcess process = simulated.Open();
        long before = GC.GetAllocatedBytesForCurrentThread();
        PfnSearch search = new([new PfnRange(0x1000, 0x100), new PfnRange(0x1080, 0x7fff_ef80), new PfnRange(0x9_0000_0000)]);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Equal([0x1000UL, 0x5000, 0x7fff_ffff, 0x9_0000_0000], search.In(process).Select(owner => owner.Pfn));
    }

    [Fact]
    public void Frames_after_the_last_one_of_the_machine_are_errors()
    {
        Requires.Root();
        List<string> errors = [];
        Assert.Equal([new PfnRange(1)],
            PfnSearch.OfThisMachine([new PfnRange(1), new PfnRange(1UL << 51)], error => errors.Add(error.ErrorId)));
        Assert.Equal(["ReadPageFlags,EINVAL"], errors);
    }

    [Fact]
    public void Processes_of_the_given_procfs_are_searched()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-402000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, Present | 0x77, Present | 0x1234);
        List<string> failures = [];
        List<int> visits = [];
        PfnOwner owner = Assert.Single(new PfnSearch([0x1234], simulated.Files).In(
            [Environment.ProcessId, Environment.ProcessId + 1], visits.Add, error => failures.Add(error.ErrorId)));
        Assert.Equal((Environment.ProcessId, "simulated", 0x401000UL),
            (owner.ProcessId, owner.ProcessName, owner.Address));
        Assert.Equal([1, 2], visits);
        Assert.StartsWith("OpenProcess,", Assert.Single(failures), StringComparison.Ordinal);
    }

    [Fact]
    public void Hidden_frames_are_an_error_and_not_an_empty_result()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-401000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x400000, 0x8100000000000000);
        using LinuxProcess process = simulated.Open();
        MemProcException error = Assert.Throws<MemProcException>(() => new PfnSearch([0]).In(process).Count());
        Assert.Equal("ReadPageMap,EPERM", error.ErrorId);
        Assert.Contains("CAP_SYS_ADMIN", error.Message, StringComparison.Ordinal);
    }
}

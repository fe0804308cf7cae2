namespace MemProc.Tests;

/// <summary>Tests the search of many processes: each frame once, and all owners of a match.</summary>
public sealed class HostSearchTests
{
    private const string Secret = "the secret of two pages";

    [Fact]
    public void Shared_memory_is_searched_once_and_all_owners_are_those_of_a_search_of_each()
    {
        Requires.Root();
        using TemporaryFolder folder = new();
        int page = (int)Page.Size;
        byte[] bytes = new byte[4 * page];
        Put(bytes, 100);
        // Across two pages that only the second process has next to each other.
        Put(bytes, 2 * page - 5);
        Put(bytes, 3 * page + 7);
        string path = folder.File("shared", bytes);
        using TargetProcess first = TargetProcess.Start(), second = TargetProcess.Start();
        Map(first, 0, 2);
        Map(first, 2, 2);
        ulong whole = Map(second, 0, 4);
        BytePattern pattern = BytePattern.Text(Secret, System.Text.Encoding.UTF8);
        SearchRange range = new() { Filter = new MapFilter { Path = name => name == path } };
        int[] ids = [first.ProcessId, second.ProcessId];

        HostSearch search = new(ids, _ => pattern) { Range = range };
        SharedMemoryMatch[] found = [.. search.Find(error => throw error, text => Assert.Fail(text))];
        Assert.Equal(3, found.Length);
        SharedMemoryMatch across = found.Single(match => match.ProcessId == second.ProcessId);
        Assert.Equal(whole + (ulong)(2 * page - 5), across.Address);
        // The first process maps both pages of this match, but not next to each other.
        Assert.Single(across.Owners);
        Assert.All(found.Where(match => match != across), match => Assert.Equal(2, match.Owners.Length));

        HashSet<(int, ulong)> naive = [.. ids.SelectMany(id => Each(id, pattern, range))];
        HashSet<(int, ulong)> owned = [.. found.SelectMany(match => match.Owners.Select(owner => (owner.ProcessId, owner.Address)))];
        Assert.Equal(naive, owned);
        Assert.Equal((ulong)(8 * page), search.MappedBytes);
        Assert.InRange(search.SearchedBytes, (ulong)(4 * page), (ulong)(5 * page));
        Assert.Equal(2, search.ProcessCount);

        ulong Map(TargetProcess target, int from, int pages)
        {
            ulong address = target.Ask($"file {from * page} {pages * page} rw- shared {path}").Address("address");
            for (int index = 0; index < pages; index++)
            {
                target.Ask($"peek {address + (ulong)(index * page)} 1");
            }

            return address;
        }
    }

    [Fact]
    public void Owners_of_a_match_have_all_its_pages_and_not_only_the_first()
    {
        Requires.Root();
        using TemporaryFolder folder = new();
        int page = (int)Page.Size;
        byte[] bytes = new byte[2 * page];
        Put(bytes, page - 5);
        string path = folder.File("private", bytes);
        using TargetProcess first = TargetProcess.Start(), same = TargetProcess.Start(), other = TargetProcess.Start(),
            copy = TargetProcess.Start();
        int[] ids = [first.ProcessId, same.ProcessId, other.ProcessId, copy.ProcessId];
        ulong[] starts = [Map(first, null), Map(same, null), Map(other, 0xff), Map(copy, bytes[page])];
        HostSearch search = new(ids, _ => BytePattern.Text(Secret, System.Text.Encoding.UTF8))
        {
            Range = new SearchRange { Filter = new MapFilter { Path = name => name == path } },
        };
        SharedMemoryMatch[] found = [.. search.Find(error => throw error, text => Assert.Fail(text))];
        // One process has written other bytes to the second page, and another one the same bytes: it has a page of its own.
        Assert.Equal([Owners(0, 1), Owners(3)], found.Select(match => match.Owners.Select(owner => (owner.ProcessId, owner.Address)).ToHashSet()));

        HashSet<(int, ulong)> Owners(params int[] indexes) =>
            [.. indexes.Select(index => (ids[index], starts[index] + (ulong)(page - 5)))];

        ulong Map(TargetProcess target, byte? written)
        {
            ulong address = target.Ask($"file 0 {2 * page} rw- private {path}").Address("address");
            target.Ask($"peek {address} 1");
            target.Ask($"peek {address + (ulong)page} 1");
            if (written is byte value)
            {
                using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
                MemoryTransaction.Prepare(process, [new MemoryWriteRequest(address + (ulong)page, [value])]).Do();
            }

            return address;
        }
    }

    [Fact]
    public void Processes_that_are_gone_do_not_end_it_and_private_memory_has_one_owner()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        TargetProcess gone = TargetProcess.Start();
        int goneId = gone.ProcessId;
        gone.Dispose();
        ulong seed = target.Ask("seed").Address("address");
        HostSearch search = new([goneId, target.ProcessId], _ => BytePattern.Text("ABCDEFGHIJKL1234567890!", System.Text.Encoding.UTF8))
        {
            Range = new SearchRange { Filter = new MapFilter { Kinds = [ProcMapKind.Anonymous] } },
        };
        SharedMemoryMatch match = search.Find(error => throw error, text => Assert.Fail(text)).Single(match => match.Address == seed);
        Assert.Equal([(target.ProcessId, seed)], match.Owners.Select(owner => (owner.ProcessId, owner.Address)));
        Assert.Equal(1, search.ProcessCount);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_frames_in_random_order_give_what_a_search_of_each_process_gives(int seed)
    {
        Requires.Root();
        using TemporaryFolder folder = new();
        int page = (int)Page.Size;
        Random random = new(seed);
        byte[] bytes = new byte[16 * page];
        for (int index = 0; index < bytes.Length; index++)
        {
            bytes[index] = (byte)(random.Next(3) == 0 ? 'a' : 'b');
        }

        string path = folder.File("random", bytes);
        using TargetProcess first = TargetProcess.Start(), second = TargetProcess.Start();
        foreach (TargetProcess target in (TargetProcess[])[first, second])
        {
            for (int part = 0; part < 6; part++)
            {
                int from = random.Next(15), pages = random.Next(1, 17 - from);
                ulong address = target.Ask($"file {from * page} {pages * page} r-- shared {path}").Address("address");
                for (int index = 0; index < pages; index++)
                {
                    target.Ask($"peek {address + (ulong)(index * page)} 1");
                }
            }
        }

        BytePattern pattern = BytePattern.Text("aabaa", System.Text.Encoding.ASCII);
        SearchRange range = new() { Filter = new MapFilter { Path = name => name == path } };
        int[] ids = [first.ProcessId, second.ProcessId];
        HashSet<(int, ulong)> naive = [.. ids.SelectMany(id => Each(id, pattern, range))];
        HostSearch search = new(ids, _ => pattern) { Range = range };
        HashSet<(int, ulong)> owned = [.. search.Find(error => throw error, text => Assert.Fail(text))
            .SelectMany(match => match.Owners.Select(owner => (owner.ProcessId, owner.Address)))];
        Assert.True(naive.Count > 100);
        Assert.Equal(naive, owned);
        Assert.True(search.SearchedBytes < search.MappedBytes);
    }

    private static IEnumerable<(int, ulong)> Each(int processId, SearchPattern pattern, SearchRange range)
    {
        using LinuxProcess process = LinuxProcess.Open(processId);
        foreach (MemoryMatch match in new MemorySearch(process, pattern) { Range = range }.Find())
        {
            yield return (processId, match.Address);
        }
    }

    private static void Put(byte[] bytes, int at) => System.Text.Encoding.UTF8.GetBytes(Secret).CopyTo(bytes, at);
}

namespace MemProc.Tests;

/// <summary>Tests file pages in the page cache, and that reading their state changes nothing.</summary>
public sealed class FilePageWalkTests
{
    [Fact]
    public void A_file_that_claims_to_be_empty_is_not_opened_for_reading()
    {
        Requires.Root();
        // A FUSE or procfs file can act when it is opened; here, opening for reading would be refused.
        using TemporaryFolder folder = new();
        string empty = folder.File("empty", []);
        File.SetUnixFileMode(empty, UnixFileMode.None);
        File.SetUnixFileMode(folder.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        string memproc = Programs.MakeWorldReadable(Programs.Memproc);
        (int exitCode, string output, string errors) = Shell.Try(Requires.Tool("setpriv"),
            ["--reuid", "65534", "--regid", "65534", "--clear-groups", DotnetHost.Path, memproc, "file", empty, "--summary", "--json"]);
        Assert.Equal((0, ""), (exitCode, errors));
        Assert.Contains("\"residentPages\":0", output, StringComparison.Ordinal);
        using FilePageWalk walk = new();
        Assert.Empty(walk.Pages(empty));
        using FilePageClearer clearer = new();
        using PlannedFilePageClear plan = clearer.Plan(empty);
        FilePageClear clear = plan.Clear(sync: true);
        Assert.Equal((0UL, 0UL), (clear.ResidentBytesBefore, clear.ResidentBytesAfter));
    }

    [Fact]
    public void Only_pages_in_memory_are_returned_and_none_is_faulted_in()
    {
        using CachedFile file = new(64, rest: 100);
        file.KeepOnly(3, 20, 21, 64);
        using FilePageWalk walk = new();
        FilePage[] pages = [.. walk.Pages(file.FilePath)];
        Assert.Equal([3UL, 20, 21, 64], pages.Select(page => page.PageIndex));
        Assert.All(pages, page =>
        {
            Assert.True(page.IsResident);
            Assert.Equal((file.FilePath, page.PageIndex * Page.Size), (page.Path, page.Offset));
            // Flags require root and were not requested.
            Assert.Null(page.RawFlags);
            Assert.Null(page.Flags);
            Assert.Null(page.MapCount);
        });

        using FilePageWalk all = new() { IncludeAbsent = true };
        pages = [.. all.Pages(file.FilePath)];
        Assert.Equal(Enumerable.Range(0, 65).Select(index => (ulong)index), pages.Select(page => page.PageIndex));
        Assert.Equal([3UL, 20, 21, 64], pages.Where(page => page.IsResident == true).Select(page => page.PageIndex));
        Assert.All(pages.Where(page => page.IsResident == false), page => Assert.Null(page.Pfn));

        FilePageSummary summary = walk.Summarize(file.FilePath);
        Assert.Equal((64 * Page.Size + 100, 65UL), (summary.SizeBytes, summary.PageCount));
        Assert.Equal((4UL, 4 * Page.Size, 3UL), (summary.ResidentPages, summary.ResidentBytes, summary.RunCount));
        Assert.Equal(100.0 * 4 / 65, summary.ResidentPercent!.Value, 9);
        Assert.Equal([3, 20, 21, 64], file.Resident());
    }

    [Fact]
    public void Frames_equal_those_that_a_process_maps()
    {
        Requires.Root();
        using CachedFile file = new(40, rest: 1);
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"file 0 {41 * Page.Size} r-- shared {file.FilePath}").Address("address");
        target.Ask($"peek {address} {41 * Page.Size}");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ulong?[] expected = [.. new PageMapWalk(process).Range(address, 41 * Page.Size).Select(page => page.Pfn)];
        Assert.Equal(41, expected.Length);

        using FilePageWalk walk = new(withFlags: true);
        FilePage[] pages = [.. walk.Pages(file.FilePath)];
        Assert.Equal(expected, pages.Select(page => page.Pfn));
        Assert.Equal(expected.Select(pfn => pfn * Page.Size), pages.Select(page => page.PhysicalAddress));
        Assert.All(pages, page =>
        {
            Assert.False(page.IsPfnHidden);
            // Mapped by the target only.
            Assert.Equal(1UL, page.MapCount);
            Assert.Contains("mmap", page.Flags!);
            Assert.Equal('M', page.Symbol![11]);
            Assert.DoesNotContain("anonymous", page.Flags!);
        });

        target.Kill();
        pages = [.. walk.Pages(file.FilePath)];
        Assert.Equal(expected, pages.Select(page => page.Pfn));
        Assert.All(pages, page => Assert.Equal(0UL, page.MapCount));
        Assert.All(pages, page => Assert.DoesNotContain("mmap", page.Flags!));
    }

    [Fact]
    public void Reading_page_state_does_not_mark_pages_as_referenced()
    {
        Requires.Root();
        Assert.SkipWhen(Environment.OSVersion.Version < new Version(6, 3),
            "needs Linux 6.3, where access through mappings with random advice does not count as use");
        using CachedFile file = new(64);
        file.KeepOnly([.. Enumerable.Range(0, 64)]);
        // Referenced, active and idle: a first use sets referenced, a second one active. Other flags change by
        // themselves, such as lru when a CPU drains its batch of new pages.
        const ulong Use = 1UL << 2 | 1UL << 6 | 1UL << 25;
        using FilePageWalk walk = new(withFlags: true);
        ulong?[] UseOfPages() => [.. walk.Pages(file.FilePath).Select(page => page.RawFlags & Use)];
        ulong?[] before = UseOfPages();
        Assert.Equal(64, before.Length);
        for (int look = 0; look < 3; look++)
        {
            Assert.Equal(before, UseOfPages());
        }
    }

    [Fact]
    public void The_access_time_is_unchanged()
    {
        using CachedFile file = new(4);
        DateTime past = new(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc);
        File.SetLastAccessTimeUtc(file.FilePath, past);
        using FilePageWalk walk = new();
        Assert.Equal(4, walk.Pages(file.FilePath).Count());
        Assert.Equal(past, File.GetLastAccessTimeUtc(file.FilePath));
    }

    [Fact]
    public void Holes_of_a_tmpfs_file_are_absent()
    {
        Assert.SkipUnless(Directory.Exists("/dev/shm"), "needs /dev/shm");
        string path = $"/dev/shm/memproc-test-{Guid.NewGuid():n}";
        try
        {
            using (FileStream stream = new(path, FileMode.CreateNew))
            {
                stream.SetLength(10 * (long)Page.Size + 1);
                foreach (int page in new[] { 2, 3, 10 })
                {
                    stream.Position = page * (long)Page.Size;
                    stream.WriteByte(1);
                }
            }

            using FilePageWalk walk = new();
            // With huge pages for shared memory, adjacent pages are allocated too.
            ulong[] resident = [.. walk.Pages(path).Select(page => page.PageIndex)];
            Assert.SkipWhen(resident.Length > 3, "needs /dev/shm without huge pages");
            Assert.Equal([2UL, 3, 10], resident);
            FilePageSummary summary = walk.Summarize(path);
            Assert.Equal((11UL, 3UL, 2UL), (summary.PageCount, summary.ResidentPages, summary.RunCount));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_large_sparse_file_is_read_in_windows()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("sparse", []);
        const long Size = 32L << 30;
        long[] offsets = [0, 3L << 20, (17L << 30) + 5, Size - 1];
        using (FileStream stream = new(path, FileMode.Open))
        {
            stream.SetLength(Size);
            foreach (long offset in offsets)
            {
                stream.Position = offset;
                stream.WriteByte(1);
            }
        }

        using FilePageWalk walk = new();
        FilePageSummary summary = walk.Summarize(path);
        Assert.Equal((ulong)Size / Page.Size, summary.PageCount);
        ulong[] resident = [.. walk.Pages(path).Select(page => page.PageIndex)];
        Assert.Equal((ulong)resident.Length, summary.ResidentPages);
        // A file system can use larger units than one page.
        Assert.All(offsets, offset => Assert.Contains((ulong)offset / Page.Size, resident));
        Assert.Equal(4UL, summary.RunCount);
        Assert.InRange(resident.Length, 4, 4096);

        using FilePageWalk all = new() { IncludeAbsent = true };
        ulong next = 0;
        Assert.All(all.Pages(path).Take(50_000), page => Assert.Equal(next++, page.PageIndex));
    }

    [Fact]
    public void An_empty_file_has_no_pages()
    {
        using CachedFile file = new(0);
        using FilePageWalk walk = new() { IncludeAbsent = true };
        Assert.Empty(walk.Pages(file.FilePath));
        FilePageSummary summary = walk.Summarize(file.FilePath);
        Assert.Equal((0UL, 0UL, 0UL, 0UL), (summary.SizeBytes, summary.PageCount, summary.ResidentPages, summary.RunCount));
        Assert.Equal(0.0, summary.ResidentPercent);
    }

    [Fact]
    public void A_file_that_shrinks_between_two_windows_ends_the_walk()
    {
        using TemporaryFolder folder = new();
        // One window and one page, for any page size.
        long window = FrameTables.BatchFrames * (long)Page.Size;
        string path = folder.File("shrinking", []);
        using (FileStream stream = new(path, FileMode.Open))
        {
            stream.SetLength(window + 1);
            stream.WriteByte(1);
            stream.Position = window;
            stream.WriteByte(1);
        }

        using FilePageWalk walk = new();
        using IEnumerator<FilePage> pages = walk.Pages(path).GetEnumerator();
        Assert.True(pages.MoveNext());
        Assert.Equal(0UL, pages.Current.PageIndex);
        using (FileStream stream = new(path, FileMode.Open))
        {
            stream.SetLength(0);
        }

        while (pages.MoveNext())
        {
            Assert.InRange(pages.Current.PageIndex, 0UL, FrameTables.BatchFrames - 1UL);
        }

        Assert.Equal(0UL, walk.Summarize(path).PageCount);
    }

    [Fact]
    public void A_file_that_keeps_shrinking_and_growing_causes_no_crash()
    {
        using CachedFile file = new(512);
        using CancellationTokenSource done = new();
        byte[] content = File.ReadAllBytes(file.FilePath);
        Thread changer = new(() =>
        {
            using FileStream stream = new(file.FilePath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 0);
            while (!done.IsCancellationRequested)
            {
                stream.SetLength(0);
                stream.Position = 0;
                stream.Write(content);
            }
        });
        changer.Start();
        try
        {
            using FilePageWalk walk = new() { IncludeAbsent = true };
            for (int round = 0; round < 200; round++)
            {
                Assert.InRange(walk.Pages(file.FilePath).Count(), 0, 512);
            }
        }
        finally
        {
            done.Cancel();
            changer.Join();
        }
    }

    [Fact]
    public void The_charged_cgroup_is_named_and_its_parent_after_it_is_removed()
    {
        using MemoryCgroup cgroup = new();
        using CachedFile file = new(8);
        file.KeepOnly();
        using TargetProcess target = TargetProcess.Start();
        cgroup.Add(target.ProcessId);
        ulong address = target.Ask($"file 0 {8 * Page.Size} rw- shared {file.FilePath}").Address("address");
        target.Ask($"touch {address} 8");
        CgroupTree tree = CgroupTree.Load();
        ulong inode = tree.InodeOf(cgroup.Name);
        using (FilePageWalk walk = new(withFlags: true))
        {
            FilePage[] pages = [.. walk.Pages(file.FilePath)];
            Assert.Equal(8, pages.Length);
            Assert.SkipWhen(pages[0].CgroupInode is null, "needs /proc/kpagecgroup");
            Assert.All(pages, page => Assert.Equal((inode, tree.PathOf(inode)), (page.CgroupInode, page.CgroupPath)));
        }

        target.Kill();
        cgroup.Remove();
        using FilePageWalk after = new(withFlags: true);
        ulong above = tree.InodeOf("/");
        // The kernel releases the old cgroup with a delay.
        SpinWait.SpinUntil(() => after.Pages(file.FilePath).All(page => page.CgroupInode == above), 30_000);
        Assert.All(after.Pages(file.FilePath), page => Assert.Equal((above, "/"), (page.CgroupInode, page.CgroupPath)));
    }

    [Theory]
    [InlineData("no-such-file", "ReadFilePages,ENOENT")]
    [InlineData("", "ReadFilePages,EINVAL")]
    [InlineData("fifo", "ReadFilePages,EINVAL")]
    [InlineData("circle", "ReadFilePages,ELOOP")]
    [InlineData("cached/below", "ReadFilePages,ENOTDIR")]
    public void A_path_without_page_cache_is_rejected_with_a_reason(string name, string id)
    {
        using CachedFile file = new(1);
        string folder = Path.GetDirectoryName(file.FilePath)!;
        Shell.Run(Requires.Tool("mkfifo"), Path.Combine(folder, "fifo"));
        File.CreateSymbolicLink(Path.Combine(folder, "circle"), Path.Combine(folder, "circle"));
        string path = Path.Combine(folder, name);
        using FilePageWalk walk = new();
        foreach (Func<object?> look in new Func<object?>[] { () => walk.Pages(path).Count(), () => walk.Summarize(path) })
        {
            MemProcException error = Assert.Throws<MemProcException>(look);
            Assert.Equal((id, path), (error.ErrorId, error.Target));
            Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_file_system_without_mmap_is_named_in_the_error()
    {
        const string Attribute = "/sys/kernel/mm/transparent_hugepage/enabled";
        Assert.SkipUnless(File.Exists(Attribute), $"needs {Attribute}");
        using FilePageWalk walk = new();
        MemProcException error = Assert.Throws<MemProcException>(() => walk.Summarize(Attribute));
        Assert.Equal("ReadFilePages,ENODEV", error.ErrorId);
        Assert.Contains("does not support mmap", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancelled_walk_stops()
    {
        using CachedFile file = new(4);
        using CancellationTokenSource source = new();
        using FilePageWalk walk = new(cancellation: source.Token);
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => walk.Pages(file.FilePath).Count());
        Assert.Throws<OperationCanceledException>(() => walk.Summarize(file.FilePath));
    }
}

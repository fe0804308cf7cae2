using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Tests.Interop;

/// <summary>Tests the system calls that query the pages of a file.</summary>
public sealed class FileMappingTests
{
    private const ulong MaxFolioReach = 1UL << 30;

    [Fact]
    public void A_mapping_is_in_maps_until_it_is_disposed()
    {
        using CachedFile file = new(3);
        using SafeFileHandle handle = Libc.OpenAt(null, file.FilePath);
        Assert.Equal(Errno.None, Libc.TryMapFile(handle, Page.Size, 2 * Page.Size, out SafeMapping? mapping));
        string line = $"{mapping!.Address:x}-{mapping.Address + 2 * Page.Size:x} r--s {Page.Size:x8} ";
        Assert.Equal(2 * Page.Size, mapping.Length);
        Assert.Contains(File.ReadLines("/proc/self/maps"), map =>
            map.StartsWith(line, StringComparison.Ordinal) && map.EndsWith(file.FilePath, StringComparison.Ordinal));
        Assert.Equal(Errno.None, Libc.TryAdvise(mapping, MemoryAdvice.Random));
        mapping.Dispose();
        Assert.DoesNotContain(File.ReadLines("/proc/self/maps"), map => map.StartsWith(line, StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_that_cannot_be_mapped_has_an_error_number()
    {
        using CachedFile file = new(1);
        using SafeFileHandle handle = Libc.OpenAt(null, file.FilePath);
        Assert.Equal(Errno.EINVAL, Libc.TryMapFile(handle, 1, Page.Size, out SafeMapping? none));
        Assert.Null(none);
        Assert.Equal(Errno.EINVAL, Libc.TryMapFile(handle, 0, 0, out _));
        using SafeFileHandle folder = Libc.OpenAt(null, Path.GetDirectoryName(file.FilePath)!);
        Assert.Equal(Errno.ENODEV, Libc.TryMapFile(folder, 0, Page.Size, out _));
    }

    [Fact]
    public void MinCore_reports_pages_in_memory_and_none_after_the_end()
    {
        using CachedFile file = new(16);
        file.KeepOnly(0, 7, 15);
        using SafeFileHandle handle = Libc.OpenAt(null, file.FilePath);
        Assert.Equal(Errno.None, Libc.TryMapFile(handle, 0, 16 * Page.Size, out SafeMapping? mapping));
        using (mapping)
        {
            byte[] pages = new byte[16];
            Assert.Equal(Errno.None, Libc.TryMinCore(mapping!, pages));
            Assert.Equal([1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], pages);
        }

        Assert.Equal(Errno.None, Libc.TryMapFile(handle, MaxFolioReach, Page.Size, out mapping));
        using (mapping)
        {
            byte[] pages = [9];
            Assert.Equal(Errno.None, Libc.TryMinCore(mapping!, pages));
            Assert.Equal([0], pages);
            // More pages than the mapping has.
            Assert.Equal(Errno.ENOMEM, Libc.TryMinCore(mapping!, new byte[1 << 20]));
        }
    }

    [Fact]
    public void Pages_are_added_to_the_page_table_and_pages_after_the_end_are_an_error_and_not_a_signal()
    {
        using CachedFile file = new(16);
        using SafeFileHandle handle = Libc.OpenAt(null, file.FilePath);
        Assert.Equal(Errno.None, Libc.TryMapFile(handle, 0, 20 * Page.Size, out SafeMapping? mapping));
        using (mapping)
        using (LinuxProcess self = LinuxProcess.Open(Environment.ProcessId))
        {
            ulong Address(int page) => mapping!.Address + (ulong)page * Page.Size;
            bool IsPresent(int page) => new PageMapWalk(self).At(Address(page)).Single().IsPresent;
            Assert.False(IsPresent(14));
            Assert.Equal(Errno.None, OwnPages.TryFaultIn([Address(14), Address(0), Address(16), Address(2)], out int read));
            Assert.Equal(2, read);
            Assert.True(IsPresent(14));
            Assert.True(IsPresent(0));
            Assert.False(IsPresent(16));
            Assert.Equal(Errno.EFAULT, OwnPages.TryFaultIn([Address(17), Address(2)], out read));
            Assert.Equal(0, read);
            ulong[] all = [.. Enumerable.Range(0, OwnPages.Batch).Select(page => Address(page % 16))];
            Assert.Equal(Errno.None, OwnPages.TryFaultIn(all, out read));
            Assert.Equal(OwnPages.Batch, read);
        }
    }

    [Fact]
    public void CacheStat_counts_the_pages_of_MinCore()
    {
        using CachedFile file = new(16);
        using SafeFileHandle handle = Libc.OpenAt(null, file.FilePath);
        Errno errno = Libc.TryCacheStat(handle, default, out CacheCounts counts);
        Assert.SkipWhen(errno == Errno.ENOSYS, "needs cachestat, which this kernel does not have");
        Assert.Equal((Errno.None, 16UL), (errno, counts.Cached));
        file.KeepOnly(1, 2, 9);
        Assert.Equal(Errno.None, Libc.TryCacheStat(handle, default, out counts));
        Assert.Equal((3UL, 0UL, 0UL), (counts.Cached, counts.Dirty, counts.Writeback));
        Assert.Equal(Errno.None, Libc.TryCacheStat(
            handle, new CacheRange { Offset = 2 * Page.Size, Length = 8 * Page.Size }, out counts));
        Assert.Equal(2UL, counts.Cached);
    }

    [Fact]
    public void StatX_distinguishes_files_folders_and_links()
    {
        using CachedFile file = new(1);
        string folder = Path.GetDirectoryName(file.FilePath)!, link = Path.Combine(folder, "link");
        File.CreateSymbolicLink(link, file.FilePath);
        Assert.Equal((true, false), Kind(file.FilePath, followLinks: true));
        Assert.Equal((false, true), Kind(folder, followLinks: true));
        Assert.Equal((true, false), Kind(link, followLinks: true));
        Assert.Equal((false, false), Kind(link, followLinks: false));
        using SafeFileHandle handle = Libc.OpenAt(null, link);
        Assert.Equal(Errno.None, Libc.TryStatX(handle, out FileStatus status));
        Assert.True(status.IsRegular);
        Assert.Equal(Page.Size, status.SizeBytes);
    }

    [Fact]
    public void A_fifo_without_a_writer_is_opened_at_once()
    {
        using TemporaryFolder folder = new();
        Shell.Run(Requires.Tool("mkfifo"), $"{folder.Path}/fifo");
        Assert.Equal(Errno.None, Libc.TryOpenAt(
            null, $"{folder.Path}/fifo", OpenAccess.ReadNonBlocking, out SafeFileHandle? handle));
        handle!.Dispose();
    }

    private static (bool IsRegular, bool IsDirectory) Kind(string path, bool followLinks)
    {
        Assert.Equal(Errno.None, Libc.TryStatX(null, path, out FileStatus status, followLinks));
        return (status.IsRegular, status.IsDirectory);
    }
}

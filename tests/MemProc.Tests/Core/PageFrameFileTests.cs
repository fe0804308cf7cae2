using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests the files of page frames: their paths, inodes, and offsets.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class PageFrameFileTests : TargetTests
{
    [Fact]
    public void A_page_of_a_file_has_its_path_inode_and_offset()
    {
        using PageFrameReader reader = PageFrameReaderTests.Reader();
        using CachedFile file = new(pages: 40);
        ulong address = Target.Ask($"file {3 * Page.Size} {8 * Page.Size} r-- shared {file.FilePath}").Address("address");
        Target.Ask($"peek {address} {8 * Page.Size}");
        PageFrame[] frames = [.. reader.ReadAddress(Process, address, 8 * Page.Size)];
        Assert.Equal(Errno.None, Libc.TryStatX(null, file.FilePath, out FileStatus status));
        Assert.Equal(8, frames.Length);
        for (int index = 0; index < frames.Length; index++)
        {
            PageFrame frame = frames[index];
            // A temporary folder may be in memory.
            Assert.True(frame.Kind is PageFrameKind.File or PageFrameKind.SharedMemory);
            Assert.Equal((file.FilePath, status.Inode, (3UL + (ulong)index) * Page.Size, false, true),
                (frame.Path, frame.Inode!.Value, frame.Offset!.Value, frame.IsDeleted, frame.IsMounted));
            Assert.Equal((MapReader.Find(Process, address)!.Device, 1), (frame.Device, frame.MapCount));
        }

        // All cached pages of the file, found by the path alone, are those that mincore shows.
        Assert.Equal(file.Resident().Select(page => (ulong)page * Page.Size),
            reader.ReadRange(new PfnRange(0, reader.End), new PageFrameFilter { Path = path => path == file.FilePath })
                .Select(frame => frame.Offset!.Value).Order());
    }

    [Fact]
    public void A_deleted_file_and_a_renamed_folder_have_their_names_of_now()
    {
        using PageFrameReader reader = PageFrameReaderTests.Reader();
        using TemporaryFolder folder = new();
        string before = Directory.CreateDirectory(Path.Combine(folder.Path, "before")).FullName;
        string file = Path.Combine(before, new string('n', 200));
        File.WriteAllBytes(file, new byte[Page.Size]);
        ulong address = Target.Ask($"file 0 {Page.Size} r-- shared {file}").Address("address");
        Target.Ask($"peek {address} 1");
        Assert.Equal(file, Assert.Single(reader.ReadAddress(Process, address, 1)).Path);
        string after = Path.Combine(folder.Path, "after");
        Directory.Move(before, after);
        Assert.Equal(Path.Combine(after, Path.GetFileName(file)), Assert.Single(reader.ReadAddress(Process, address, 1)).Path);
        File.Delete(Path.Combine(after, Path.GetFileName(file)));
        Assert.True(Assert.Single(reader.ReadAddress(Process, address, 1)).IsDeleted);
    }

    [Fact]
    public async Task Files_that_come_and_go_have_their_own_names_or_none()
    {
        using PageFrameReader reader = PageFrameReaderTests.Reader();
        using TemporaryFolder folder = new();
        using CancellationTokenSource done = new();
        // Inodes and names are freed and used again all the time: a name must be one that was given to that inode.
        Task churn = Task.Run(() =>
        {
            for (int number = 0; !done.IsCancellationRequested; number++)
            {
                string file = Path.Combine(folder.Path, $"churn{number % 64}");
                File.WriteAllBytes(file, new byte[Page.Size]);
                File.Move(file, file + "x");
                File.Delete(file + "x");
            }
        });
        try
        {
            for (int round = 0; round < 2; round++)
            {
                foreach (PageFrame frame in reader.ReadRange(new PfnRange(0, reader.End), new PageFrameFilter
                {
                    Kinds = [PageFrameKind.File, PageFrameKind.SharedMemory],
                    Path = path => path.StartsWith(folder.Path, StringComparison.Ordinal),
                }))
                {
                    Assert.Matches("^churn[0-9]+x?$", Path.GetFileName(frame.Path));
                    Assert.Equal(0UL, frame.Offset);
                }
            }
        }
        finally
        {
            await done.CancelAsync();
            await churn;
        }
    }
}

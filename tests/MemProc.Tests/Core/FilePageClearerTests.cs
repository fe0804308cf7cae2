using System.Globalization;

namespace MemProc.Tests;

/// <summary>Tests dropping files from the page cache; fincore is the independent answer where it is installed.</summary>
public sealed class FilePageClearerTests
{
    [Fact]
    public void Clean_pages_are_dropped_and_the_plan_alone_drops_none()
    {
        using CachedFile file = new(9, rest: 1);
        file.KeepOnly(0, 1, 2, 7);
        using FilePageClearer clearer = new();
        using PlannedFilePageClear plan = clearer.Plan(file.FilePath);
        Assert.Equal(4 * Page.Size, plan.ResidentBytes);
        Assert.Contains(HumanSize.Format(4 * Page.Size), plan.Describe(sync: false), StringComparison.Ordinal);
        Assert.Equal([0, 1, 2, 7], file.Resident());
        FilePageClear clear = plan.Clear(sync: false);
        Assert.Equal((4 * Page.Size, 0UL, 9 * Page.Size + 1),
            (clear.ResidentBytesBefore, clear.ResidentBytesAfter, clear.SizeBytes));
        Assert.Empty(file.Resident());
        if (File.Exists("/usr/bin/fincore"))
        {
            Assert.Equal(0, int.Parse(Shell.Run("/usr/bin/fincore", "--noheadings", "--output", "PAGES", file.FilePath),
                CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public void Changed_pages_are_dropped_only_after_they_are_written_back()
    {
        using CachedFile file = new(8);
        file.KeepOnly();
        // Not written back by the time of the call, unless the kernel is very quick.
        File.WriteAllBytes(file.FilePath, new byte[8 * Page.Size]);
        using FilePageClearer clearer = new();
        using PlannedFilePageClear plan = clearer.Plan(file.FilePath);
        Assert.Equal(8 * Page.Size, plan.ResidentBytes);
        if (plan.DirtyBytes > 0)
        {
            Assert.Contains("not written back stay", plan.Describe(sync: false), StringComparison.Ordinal);
        }

        Assert.Contains("after its changed pages are written back", plan.Describe(sync: true), StringComparison.Ordinal);
        FilePageClear clear = plan.Clear(sync: true);
        Assert.Equal(0UL, clear.ResidentBytesAfter);
        Assert.True(clear.DirtyBytesAfter is null or 0);
        Assert.Equal(new byte[8 * Page.Size], File.ReadAllBytes(file.FilePath));
    }

    [Fact]
    public void Mapped_pages_stay()
    {
        using CachedFile file = new(4);
        file.KeepOnly();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"file 0 {4 * Page.Size} r-- shared {file.FilePath}").Address("address");
        target.Ask($"peek {address} {4 * Page.Size}");
        using FilePageClearer clearer = new();
        using (PlannedFilePageClear plan = clearer.Plan(file.FilePath))
        {
            FilePageClear clear = plan.Clear(sync: true);
            Assert.Equal((4 * Page.Size, 4 * Page.Size), (clear.ResidentBytesBefore, clear.ResidentBytesAfter));
        }

        target.Ask($"unmap {address} {4 * Page.Size}");
        using PlannedFilePageClear again = clearer.Plan(file.FilePath);
        Assert.Equal(0UL, again.Clear(sync: false).ResidentBytesAfter);
    }

    [Theory]
    [InlineData("/no-such-file", "ReadFilePages,ENOENT")]
    [InlineData("/dev/null", "ReadFilePages,EINVAL")]
    [InlineData("/", "ReadFilePages,EINVAL")]
    public void What_is_not_a_regular_file_is_rejected(string path, string id)
    {
        using FilePageClearer clearer = new();
        Assert.Equal(id, Assert.Throws<MemProcException>(() => clearer.Plan(path)).ErrorId);
    }
}

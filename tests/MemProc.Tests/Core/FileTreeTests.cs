namespace MemProc.Tests;

/// <summary>Tests which files a path selects.</summary>
public sealed class FileTreeTests
{
    private static readonly string[] Names = ["a", ".hidden", "in/b", "in/deeper/c \e[31m"];

    [Fact]
    public void A_folder_returns_the_regular_files_below_it_without_following_links()
    {
        using TemporaryFolder folder = new();
        string[] files = [.. Names.Select(name => Make(folder, name))];
        File.CreateSymbolicLink($"{folder.Path}/in/circle", folder.Path);
        File.CreateSymbolicLink($"{folder.Path}/in/link", files[0]);
        File.CreateSymbolicLink($"{folder.Path}/in/dangling", "nowhere");
        Shell.Run(Requires.Tool("mkfifo"), $"{folder.Path}/in/fifo");
        Directory.CreateDirectory($"{folder.Path}/empty");
        List<string> skipped = [];
        Assert.Equal(files.Order(), FileTree.EnumerateFiles(folder.Path, recurse: true, skipped.Add, Unexpected).Order());
        Assert.Equal(["circle", "dangling", "fifo", "link"],
            skipped.Select(text => text.Split(' ')[0].Split('/')[^1]).Order());
        Assert.All(skipped, text => Assert.Contains("not a regular file", text, StringComparison.Ordinal));
    }

    [Fact]
    public void Hard_links_below_a_folder_are_one_file()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("file", [1]);
        Shell.Run(Requires.Tool("ln"), file, $"{folder.Path}/again");
        List<string> skipped = [];
        Assert.Single(FileTree.EnumerateFiles(folder.Path, recurse: true, skipped.Add, Unexpected));
        Assert.Contains("another name", Assert.Single(skipped), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_and_a_link_to_it_return_the_file()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("file", [1]);
        string link = $"{folder.Path}/link";
        File.CreateSymbolicLink(link, file);
        Assert.Equal([file], FileTree.EnumerateFiles(file, recurse: false, Unexpected, Unexpected));
        Assert.Equal([link], FileTree.EnumerateFiles(link, recurse: true, Unexpected, Unexpected));
    }

    [Theory]
    [InlineData("", "FindFile,EISDIR")]
    [InlineData("/no\e[31m", "FindFile,ENOENT")]
    [InlineData("/file/below", "FindFile,ENOTDIR")]
    public void A_path_that_cannot_be_read_is_an_error(string name, string id)
    {
        using TemporaryFolder folder = new();
        folder.File("file", [1]);
        List<MemProcException> failures = [];
        Assert.Empty(FileTree.EnumerateFiles(folder.Path + name, recurse: false, Unexpected, failures.Add));
        MemProcException failure = Assert.Single(failures);
        Assert.Equal((id, folder.Path + name), (failure.ErrorId, failure.Target));
        Assert.DoesNotContain('\e', failure.Message);
    }

    [Fact]
    public void A_folder_removed_during_the_search_does_not_stop_it()
    {
        using TemporaryFolder folder = new();
        string[] files = [.. Enumerable.Range(0, 3).Select(number => Make(folder, $"{number}/file"))];
        List<string> skipped = [];
        List<string> seen = [];
        foreach (string file in FileTree.EnumerateFiles(folder.Path, recurse: true, skipped.Add, Unexpected))
        {
            seen.Add(file);
            foreach (string other in files.Except(seen))
            {
                if (Directory.Exists(Path.GetDirectoryName(other)))
                {
                    Directory.Delete(Path.GetDirectoryName(other)!, recursive: true);
                }
            }
        }

        Assert.Single(seen);
        Assert.Equal(2, skipped.Count);
        Assert.All(skipped, text => Assert.Contains("was removed meanwhile", text, StringComparison.Ordinal));
    }

    [Fact]
    public void A_cancelled_search_stops()
    {
        using TemporaryFolder folder = new();
        folder.File("file", [1]);
        using CancellationTokenSource source = new();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() =>
            FileTree.EnumerateFiles(folder.Path, recurse: true, Unexpected, Unexpected, source.Token).Count());
    }

    private static string Make(TemporaryFolder folder, string name)
    {
        Directory.CreateDirectory(Path.GetDirectoryName($"{folder.Path}/{name}")!);
        return folder.File(name, [1]);
    }

    private static void Unexpected(object what) => Assert.Fail($"{what}");
}

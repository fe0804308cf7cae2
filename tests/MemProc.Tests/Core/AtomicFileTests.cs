using System.Net.Sockets;

namespace MemProc.Tests;

/// <summary>Tests output files: accessible to the owner only, never through links, complete or absent.</summary>
public sealed class AtomicFileTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TemporaryFolder _folder = new();

    private string Output => Path.Combine(_folder.Path, "out");

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_gets_its_name_when_it_is_complete()
    {
        using AtomicFile file = new(Output, overwrite: false);
        Assert.DoesNotContain(Output, Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(file.Handle));
        RandomAccess.Write(file.Handle, "memory"u8, 0);
        file.Complete();
        Assert.Equal(["out"], Left());
        Assert.Equal("memory", File.ReadAllText(Output));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(Output));
    }

    [Fact]
    public void Names_of_temporary_files_are_random() =>
        Assert.Equal(100, Enumerable.Range(0, 100).Select(_ => AtomicFile.PartialName()).Distinct().Count());

    [Fact]
    public void A_name_of_255_bytes_is_accepted()
    {
        string path = Path.Combine(_folder.Path, new string('x', 255));
        using AtomicFile file = new(path, overwrite: false);
        file.Complete();
        Assert.True(File.Exists(path));
    }

    [Fact]
    public void An_incomplete_file_is_removed()
    {
        new AtomicFile(Output, overwrite: false).Dispose();
        Assert.Empty(Left());
        File.WriteAllText(Output, "mine");
        new AtomicFile(Output, overwrite: true).Dispose();
        Assert.Equal(["out"], Left());
        Assert.Equal("mine", File.ReadAllText(Output));
    }

    [Fact]
    public void A_replaced_file_does_not_pass_on_its_permissions()
    {
        File.WriteAllText(Output, "mine");
        File.SetUnixFileMode(Output, (UnixFileMode)0x1b6);
        Assert.Equal("WriteFile,EEXIST", Refusal(overwrite: false).ErrorId);
        string inode = Shell.Run("stat", "-c", "%i", Output);
        using AtomicFile file = new(Output, overwrite: true);
        file.Complete();
        Assert.NotEqual(inode, Shell.Run("stat", "-c", "%i", Output));
        Assert.Equal(string.Empty, File.ReadAllText(Output));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(Output));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_symbolic_link_is_neither_followed_nor_replaced(bool isDangling, bool overwrite)
    {
        string other = Path.Combine(_folder.Path, "other");
        if (!isDangling)
        {
            File.WriteAllText(other, "mine");
        }

        File.CreateSymbolicLink(Output, other);
        MemProcException error = Refusal(overwrite);
        Assert.Equal("WriteFile,ELOOP", error.ErrorId);
        Assert.Contains("is a symbolic link", error.Message, StringComparison.Ordinal);
        Assert.Equal(other, new FileInfo(Output).LinkTarget);
        Assert.Equal(isDangling ? ["out"] : ["other", "out"], Left());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Links_that_another_user_prepares_in_a_shared_directory_are_not_followed(bool overwrite)
    {
        Requires.Root();
        string shared = Path.Combine(_folder.Path, "shared"), victim = _folder.File("victim", "mine"u8);
        Shell.Run("mkdir", "-m", "1777", shared);
        string output = Path.Combine(shared, "out");
        // The names of earlier versions as well, and one that the user can write.
        Shell.Run(Requires.Tool("setpriv"), [.. MemprocTests.AsNobody, "sh", "-c",
            $"cd '{shared}' && for name in out out.{Environment.ProcessId}.partial out.partial; do ln -s '{victim}' $name; done "
            + "&& echo theirs > writable && chmod 666 writable"]);
        Assert.Equal("WriteFile,ELOOP", Assert.Throws<MemProcException>(() => new AtomicFile(output, overwrite)).ErrorId);
        using (AtomicFile file = new(Path.Combine(shared, "new"), overwrite))
        {
            RandomAccess.Write(file.Handle, "memory"u8, 0);
            file.Complete();
        }

        string writable = Path.Combine(shared, "writable");
        if (overwrite)
        {
            using AtomicFile file = new(writable, overwrite);
            RandomAccess.Write(file.Handle, "memory"u8, 0);
            file.Complete();
        }

        Assert.Equal("mine", File.ReadAllText(victim));
        Assert.Equal("600 0\n", Shell.Run("stat", "-c", "%a %u", Path.Combine(shared, "new")));
        Assert.Equal(overwrite ? "600 0\n" : "666 65534\n", Shell.Run("stat", "-c", "%a %u", writable));
        Assert.Equal(3, Directory.GetFiles(shared).Count(file => new FileInfo(file).LinkTarget == victim));
    }

    [Theory]
    [InlineData("mkfifo", "EINVAL")]
    [InlineData("mknod", "EINVAL")]
    [InlineData("socket", "EINVAL")]
    [InlineData("mkdir", "EISDIR")]
    public void Only_regular_files_are_replaced(string kind, string errno)
    {
        Assert.SkipWhen(kind == "mknod" && !Environment.IsPrivilegedProcess, "needs root to create a device");
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        switch (kind)
        {
            case "socket":
                socket.Bind(new UnixDomainSocketEndPoint(Output));
                break;
            case "mknod":
                // The device of /dev/null. Some sandboxes do not allow it.
                Assert.SkipWhen(Shell.Try("mknod", [Output, "c", "1", "3"]).ExitCode != 0, "needs CAP_MKNOD");
                break;
            default:
                Shell.Run(kind, Output);
                break;
        }

        string before = Shell.Run("stat", "-c", "%i %F", Output);
        Assert.Equal($"WriteFile,{errno}", Refusal(overwrite: true).ErrorId);
        Assert.Equal($"WriteFile,{errno}", Refusal(overwrite: false).ErrorId);
        Assert.Equal(before, Shell.Run("stat", "-c", "%i %F", Output));
        Assert.Equal(["out"], Left());
    }

    [Theory]
    [InlineData(false, "EEXIST")]
    [InlineData(true, "ELOOP")]
    public void A_file_created_at_the_same_path_in_the_meantime_is_kept(bool overwrite, string errno)
    {
        string other = _folder.File("other", "mine"u8);
        using (AtomicFile file = new(Output, overwrite))
        {
            File.CreateSymbolicLink(Output, other);
            Assert.Equal($"WriteFile,{errno}", Assert.Throws<MemProcException>(file.Complete).ErrorId);
        }

        Assert.Equal("mine", File.ReadAllText(other));
        Assert.Equal(other, new FileInfo(Output).LinkTarget);
        Assert.Equal(["other", "out"], Left());
    }

    [Fact]
    public void The_file_stays_in_the_directory_where_it_was_created()
    {
        string folder = Path.Combine(_folder.Path, "folder");
        string moved = Path.Combine(_folder.Path, "moved");
        Directory.CreateDirectory(folder);
        using AtomicFile file = new(Path.Combine(folder, "out"), overwrite: true);
        Directory.Move(folder, moved);
        Directory.CreateSymbolicLink(folder, "/proc");
        file.Complete();
        Assert.True(File.Exists(Path.Combine(moved, "out")));
    }

    [Theory]
    [InlineData("none/out", "ENOENT")]
    [InlineData("file/out", "ENOTDIR")]
    [InlineData("", "EISDIR")]
    public void A_path_without_a_directory_is_rejected(string path, string errno)
    {
        _folder.File("file", []);
        MemProcException error = Assert.Throws<MemProcException>(
            () => new AtomicFile(Path.Combine(_folder.Path, path) + (path.Length == 0 ? "/" : ""), overwrite: true));
        Assert.Equal($"WriteFile,{errno}", error.ErrorId);
        Assert.Equal(["file"], Left());
    }

    private MemProcException Refusal(bool overwrite) =>
        Assert.Throws<MemProcException>(() => new AtomicFile(Output, overwrite));

    private string[] Left() =>
        [.. Directory.GetFileSystemEntries(_folder.Path).Select(entry => Path.GetFileName(entry)).Order(StringComparer.Ordinal)];
}

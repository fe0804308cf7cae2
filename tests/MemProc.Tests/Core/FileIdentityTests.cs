using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>
/// Tests that a mapped file is not taken for another one. A process with a mount namespace of its own can
/// give any file the path of a mapped one, and in a tmpfs of its own any inode number.
/// </summary>
public sealed class FileIdentityTests : IDisposable
{
    /// <summary>
    /// Maps a file, and then covers its path by a file of another device with the same inode number. With a fifth
    /// argument the mapped file is deleted, and the other one has the name that the list of mappings then shows.
    /// </summary>
    private const string Impostor = """
        #include <fcntl.h>
        #include <stdio.h>
        #include <sys/mman.h>
        #include <sys/mount.h>
        #include <sys/stat.h>
        #include <unistd.h>
        static char bytes[1 << 20];
        static void copy(const char *from, const char *to)
        {
            int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_WRONLY, 0755);
            ssize_t count = read(in, bytes, sizeof bytes);
            if (write(out, bytes, count) != count)
                _exit(1);
            close(in);
            close(out);
        }
        int main(int count, char **words)
        {
            char one[4096], two[4096], covered[5000];
            struct stat first, second;
            snprintf(one, sizeof one, "%s/lib.so", words[1]);
            snprintf(two, sizeof two, "%s/lib.so", words[2]);
            snprintf(covered, sizeof covered, "%s%s", one, count > 5 ? " (deleted)" : "");
            if (mount("one", words[1], "tmpfs", 0, 0) || mount("two", words[2], "tmpfs", 0, 0))
                return 2;
            copy(words[3], one);
            copy(words[4], two);
            if (stat(one, &first) || stat(two, &second) || first.st_ino != second.st_ino)
                return 3;
            int file = open(one, O_RDONLY);
            void *address = mmap(0, first.st_size, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
            close(file);
            if (count > 5)
            {
                unlink(one);
                close(open(covered, O_CREAT | O_WRONLY, 0755));
            }
            if (mount(two, covered, 0, MS_BIND, 0))
                return 4;
            printf("%p\n", address);
            fflush(stdout);
            for (;;)
                pause();
        }
        """;

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static string[] Nobody => [Requires.Tool("setpriv"), .. MemprocTests.AsNobody];

    private static string[] OwnMounts => [Requires.Tool("unshare"), "--mount", "--propagation", "private"];

    private static string[] OwnUsers => [Requires.Tool("unshare"), "--user", "--map-root-user", "--mount"];

    /// <summary>Root without the right to the files of mappings.</summary>
    private static string[] LesserRoot =>
        [Requires.Tool("setpriv"), "--bounding-set=-sys_admin,-checkpoint_restore", "--inh-caps=-all"];

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Another_file_with_the_same_inode_number_is_not_the_mapped_one(bool isInUserNamespace)
    {
        using SmallProgram target = StartImpostor(isInUserNamespace);
        ulong address = target.Address + OffsetOf("honest");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using (MappedImages images = new(process, Stop))
        {
            MappedFile file = images.FileAt(address)!;
            Assert.Equal(BuildId("honest"), file.Elf!.BuildId);
            Assert.NotEqual(BuildId("evil"), file.Elf.BuildId);
            Assert.True(file.IsReplaced);
            Assert.Contains(file.Symbols(), symbol => symbol.Name == "honest");
            // The file itself, not the image in memory, which has no such symbols.
            Assert.Contains(file.Symbols(), symbol => symbol.Name == "of_honest");
        }

        Assert.Contains("lib.so!honest", Resolve([], target, address), StringComparison.Ordinal);
        Assert.Contains("lib.so!honest", Resolve(LesserRoot, target, address), StringComparison.Ordinal);
        if (isInUserNamespace)
        {
            Assert.Contains("lib.so!honest", Resolve(Nobody, target, address), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_file_with_the_suffix_of_a_deleted_one_is_not_the_mapped_one()
    {
        using SmallProgram target = StartImpostor(isInUserNamespace: false, "deleted");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ProcMap map = MapReader.Find(process, target.Address)!;
        Assert.True(map.IsDeleted);
        Assert.Equal("lib.so", Path.GetFileName(map.Path));
        using MappedImages images = new(process, Stop);
        Assert.Equal(BuildId("honest"), images.FileAt(target.Address)!.Elf!.BuildId);
    }

    [Fact]
    public void A_file_is_opened_by_its_path_without_the_right_to_its_mapping()
    {
        Requires.Root();
        string library = Build("honest");
        Shell.Run(Requires.Tool("chmod"), "755", library);
        using TargetProcess target = TargetProcess.Start(Nobody);
        ulong start = target.Ask($"file 0 {new FileInfo(library).Length} r-x private {library}").Address("address");
        // Only the file has this name.
        ulong address = start + OffsetOf("of_honest");
        Assert.Contains("!of_honest", Resolve(Nobody, target.ProcessId, address), StringComparison.Ordinal);
        Assert.Contains("!of_honest", Resolve(LesserRoot, target.ProcessId, address), StringComparison.Ordinal);
        File.Move(Build("evil"), library, overwrite: true);
        string output = Resolve(Nobody, target.ProcessId, address);
        Assert.DoesNotContain("evil", output, StringComparison.Ordinal);
        Assert.Contains("(file replaced)", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Stacked_file_systems_are_no_obstacle()
    {
        Requires.Root();
        string library = Build("honest");
        foreach (string name in (string[])["lower", "upper", "work", "merged"])
        {
            Directory.CreateDirectory(Path.Combine(_folder.Path, name));
        }

        File.Copy(library, Path.Combine(_folder.Path, "lower/lib.so"));
        string path = Path.Combine(_folder.Path, "merged/lib.so");
        string mount = $"cd '{_folder.Path}' && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged "
            + "&& exec \"$@\"";
        Assert.SkipUnless(Shell.Try(OwnMounts[0], [.. OwnMounts[1..], "sh", "-c", mount, "sh", "true"]).ExitCode == 0, "needs overlayfs");
        using TargetProcess target = TargetProcess.Start([.. OwnMounts, "sh", "-c", mount, "sh"]);
        ulong start = target.Ask($"file 0 {new FileInfo(library).Length} r-x private {path}").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using (MappedImages images = new(process, Stop))
        {
            MappedFile file = images.FileAt(start)!;
            Assert.False(file.IsReplaced);
            Assert.Contains(file.Symbols(), symbol => symbol.Name == "of_honest");
        }

        Shell.Run(Requires.Tool("nsenter"), "-t", $"{target.ProcessId}", "-m", "sh", "-c",
            $"cp '{Build("evil")}' '{path}.new' && mv '{path}.new' '{path}'");
        using MappedImages later = new(process, Stop);
        Assert.Equal(BuildId("honest"), later.FileAt(start)!.Elf!.BuildId);
    }

    [Fact]
    public void A_file_system_with_several_devices_needs_no_right_to_the_mapping()
    {
        Requires.Root();
        string library = Build("honest");
        foreach (string name in (string[])["lower", "upper", "merged"])
        {
            Directory.CreateDirectory(Path.Combine(_folder.Path, name));
        }

        // The layers are on two devices: statx reports one that is neither of them, nor that of the list of mappings.
        string path = Path.Combine(_folder.Path, "merged/lib.so");
        string mount = $"cd '{_folder.Path}' && mount -t tmpfs lower lower && cp '{library}' lower/lib.so && mount -t tmpfs upper "
            + "upper && mkdir upper/work upper/upper && mount -t overlay -o lowerdir=lower,upperdir=upper/upper,workdir=upper/work,"
            + "xino=off overlay merged && exec \"$@\"";
        Assert.SkipUnless(Shell.Try(OwnMounts[0], [.. OwnMounts[1..], "sh", "-c", mount, "sh", "true"]).ExitCode == 0, "needs overlayfs");
        using TargetProcess target = TargetProcess.Start([.. OwnMounts, "sh", "-c", mount, "sh"]);
        ulong start = target.Ask($"file 0 {new FileInfo(library).Length} r-x private {path}").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ProcMap map = MapReader.Find(process, start)!;
        Assert.Equal(Errno.None, process.NamedFiles.TryStat(path, Stop, out FileStatus status));
        Assert.SkipWhen(map.IsOf(status), "needs a kernel whose overlayfs reports other devices");
        string output = Resolve(LesserRoot, target.ProcessId, start + OffsetOf("of_honest"));
        Assert.Contains("!of_honest", output, StringComparison.Ordinal);
        Assert.DoesNotContain("(file replaced)", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mapped_device_is_not_opened()
    {
        Requires.Root();
        string device = Path.Combine(_folder.Path, "zero");
        Assert.SkipUnless(Shell.Try("mknod", [device, "c", "1", "5"]).ExitCode == 0, "needs CAP_MKNOD");
        using TargetProcess target = TargetProcess.Start();
        string pseudo = "/sys/kernel/notes";
        ulong address = target.Ask($"file 0 4096 r-- private {device}").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using OpenWatch watch = new(device);
        using MappedImages images = new(process, Stop);
        // The kernel makes a private mapping of /dev/zero anonymous, where the node itself is still the file.
        if (images.FileAt(address) is MappedFile file)
        {
            Assert.Null(file.Elf);
            Assert.Contains("not a regular file", file.LoadError!.Message, StringComparison.Ordinal);
        }

        Assert.Equal(ProcMapKind.File, MapReader.Find(process, address)!.Kind);
        Assert.False(watch.IsOpened);
        Assert.True(process.NamedFiles.TryOpen(device, Stop, out _)!.Value.IsOtherKind);
        Assert.True(!File.Exists(pseudo) || process.NamedFiles.TryOpen(pseudo, Stop, out _)!.Value.IsOtherKind);
    }

    private SmallProgram StartImpostor(bool isInUserNamespace, params string[] more)
    {
        Requires.Root();
        string program = CCompiler.Build(Path.Combine(_folder.Path, "impostor"), Impostor, "gcc", "-x", "c");
        string one = Path.Combine(_folder.Path, "one"), two = Path.Combine(_folder.Path, "two");
        Directory.CreateDirectory(one);
        Directory.CreateDirectory(two);
        string[] command = [program, one, two, Build("honest"), Build("evil"), .. more];
        if (isInUserNamespace)
        {
            Assert.SkipUnless(Shell.Try(Nobody[0], [.. Nobody[1..], .. OwnUsers, "true"]).ExitCode == 0, "needs user namespaces");
        }

        return new SmallProgram([.. isInUserNamespace ? [.. Nobody, .. OwnUsers] : OwnMounts, .. command]);
    }

    private static string Resolve(string[] user, SmallProgram target, ulong address) =>
        Resolve(user, target.ProcessId, address);

    private static string Resolve(string[] user, int processId, ulong address)
    {
        string[] command =
            [.. user, DotnetHost.Path, Programs.MakeWorldReadable(Programs.Memproc), "resolve", $"{processId}", $"0x{address:x}"];
        (int exitCode, string output, string errors) = Shell.Try(command[0], command[1..]);
        Assert.True(exitCode == 0, errors);
        return output;
    }

    /// <summary>Builds a library whose functions have other names than those of another one, at the same places.</summary>
    private string Build(string name)
    {
        string path = Path.Combine(_folder.Path, $"{name}.so");
        return File.Exists(path) ? path : CCompiler.Build(path,
            $"int {name}(int a) {{ return a + 1; }} __attribute__((visibility(\"hidden\"))) int of_{name}(int a) {{ return a; }}",
            "gcc", "-shared", "-nostdlib", "-Wl,--build-id", "-x", "c");
    }

    private string? BuildId(string name)
    {
        using ElfFile file = ElfFile.Open(Build(name));
        return file.BuildId;
    }

    private ulong OffsetOf(string symbol)
    {
        using ElfFile file = ElfFile.Open(Build(symbol.Replace("of_", "", StringComparison.Ordinal)));
        return file.Symbols(ElfSymbolSource.Full).Single(item => item.Name == symbol).Value;
    }
}

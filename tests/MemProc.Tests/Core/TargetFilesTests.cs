using System.Diagnostics;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Tests;

/// <summary>Tests how files are opened that a process names: below its root, and only files that store data.</summary>
public sealed class TargetFilesTests : IDisposable
{
    /// <summary>Mounts a file system whose server never answers, and then is <see cref="SmallProgram.Code"/>.</summary>
    private const string SilentServer = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdio.h>
        #include <sys/mman.h>
        #include <sys/mount.h>
        #include <unistd.h>
        int main(int count, char **words)
        {
            char options[99];
            int server = open("/dev/fuse", O_RDWR);
            snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", server);
            if (server < 0 || mount("silent", words[1], "fuse", 0, options) < 0)
                return 1;
            printf("%p\n", mmap(0, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
            fflush(stdout);
            for (;;)
                pause();
        }
        """;

    /// <summary>The same with a server that answers everything except reads.</summary>
    private const string UnreadableServer = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <linux/fuse.h>
        #include <stdio.h>
        #include <string.h>
        #include <sys/mount.h>
        #include <sys/stat.h>
        #include <unistd.h>
        static char request[1 << 18];
        static struct { struct fuse_out_header head; union { struct fuse_init_out init; struct fuse_entry_out entry;
            struct fuse_attr_out attr; struct fuse_open_out open; struct fuse_statfs_out statfs; }; } reply;
        static struct fuse_attr file_or_folder(unsigned long node)
        {
            struct fuse_attr attr = { .ino = node, .size = 1 << 20, .nlink = 1, .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644 };
            return attr;
        }
        int main(int count, char **words)
        {
            char options[99];
            int server = open("/dev/fuse", O_RDWR);
            snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", server);
            if (server < 0 || mount("unreadable", words[1], "fuse", 0, options) < 0)
                return 1;
            puts("0");
            fflush(stdout);
            while (read(server, request, sizeof request) > 0)
            {
                struct fuse_in_header *in = (void *)request;
                size_t length = 0;
                memset(&reply, 0, sizeof reply);
                if (in->opcode == FUSE_READ || in->opcode == FUSE_FORGET || in->opcode == FUSE_INTERRUPT)
                    continue;
                if (in->opcode == FUSE_INIT)
                {
                    struct fuse_init_in *init = (void *)(in + 1);
                    reply.init.major = 7;
                    reply.init.minor = init->minor < 31 ? init->minor : 31;
                    reply.init.max_write = 4096;
                    length = sizeof reply.init;
                }
                else if (in->opcode == FUSE_LOOKUP)
                {
                    reply.entry.nodeid = 2;
                    reply.entry.attr = file_or_folder(2);
                    length = sizeof reply.entry;
                }
                else if (in->opcode == FUSE_GETATTR)
                {
                    reply.attr.attr = file_or_folder(in->nodeid);
                    length = sizeof reply.attr;
                }
                else if (in->opcode == FUSE_OPEN)
                    length = sizeof reply.open;
                else if (in->opcode == FUSE_STATFS)
                    length = sizeof reply.statfs;
                else
                    reply.head.error = -ENOSYS;
                reply.head.unique = in->unique;
                reply.head.len = sizeof reply.head + length;
                if (write(server, &reply, reply.head.len) < 0)
                    return 2;
            }
            return 3;
        }
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly LinuxProcess _self = LinuxProcess.Open(Environment.ProcessId);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string Root => Path.Combine(_folder.Path, "root");

    [Theory]
    [InlineData("/in/file", Errno.None)]
    [InlineData("in//./file", Errno.None)]
    [InlineData("/in/../../../in/file", Errno.None)]
    [InlineData("/absolute", Errno.None)]
    [InlineData("/in/above", Errno.None)]
    [InlineData("/folder/file", Errno.None)]
    [InlineData("/chain", Errno.None)]
    [InlineData("/outside", Errno.ENOENT)]
    [InlineData("/parent", Errno.ENOENT)]
    [InlineData("/dangling", Errno.ENOENT)]
    [InlineData("/in/file/below", Errno.ENOTDIR)]
    [InlineData("/circle", Errno.ELOOP)]
    public void Symbolic_links_stay_below_the_root(string path, Errno expected)
    {
        Directory.CreateDirectory($"{Root}/in");
        File.WriteAllText($"{Root}/in/file", "inside");
        string outside = _folder.File("outside", "outside"u8);
        foreach ((string link, string leads) in new[]
        {
            ("absolute", "/in/file"), ("in/above", "../../../in/file"), ("folder", "in"), ("chain", "/./absolute"),
            ("outside", outside), ("parent", "../outside"), ("dangling", "/nothing"), ("circle", "circle"),
        })
        {
            File.CreateSymbolicLink($"{Root}/{link}", leads);
        }

        using SafeFileHandle root = Libc.OpenAt(null, Root, OpenAccess.PathOnly);
        Assert.Equal((expected, "inside"), (PathInRoot.TryFind(root, path, out SafeFileHandle? found), Content(found)));
        Assert.Equal((expected, "inside"), (PathInRoot.TryWalk(root, path, out SafeFileHandle? walked), Content(walked)));

        string Content(SafeFileHandle? place)
        {
            using (place)
            {
                return place is null ? "inside" : File.ReadAllText($"/proc/self/fd/{place.DangerousGetHandle()}");
            }
        }
    }

    [Fact]
    public void Links_to_the_open_files_of_a_process_are_refused()
    {
        using SafeFileHandle root = Libc.OpenAt(null, "/", OpenAccess.PathOnly);
        foreach (string name in (string[])["fd/0", "root", "exe"])
        {
            string path = $"/proc/{Environment.ProcessId}/{name}";
            Assert.Equal(Errno.ELOOP, PathInRoot.TryFind(root, path, out _));
            Assert.Equal(Errno.ELOOP, PathInRoot.TryWalk(root, path, out _));
        }
    }

    [Theory]
    [InlineData("/proc/self/pagemap")]
    [InlineData("/proc/version")]
    [InlineData("/sys/kernel/mm/transparent_hugepage/enabled")]
    [InlineData("/dev/zero")]
    [InlineData("/dev")]
    public void What_stores_no_data_is_refused(string path)
    {
        Assert.SkipUnless(Path.Exists(path), $"needs {path}");
        string link = Path.Combine(_folder.Path, "link");
        File.CreateSymbolicLink(link, path);
        foreach (string name in (string[])[path, link])
        {
            FileRefusal? refusal = _self.NamedFiles.TryOpen(name, Stop, out CheckedFile? file);
            Assert.Null(file);
            Assert.True(refusal!.Value.IsOtherKind, $"{refusal}");
        }
    }

    [Fact]
    public void A_fifo_is_refused_without_being_opened()
    {
        string path = Path.Combine(_folder.Path, "fifo");
        Shell.Run(Requires.Tool("mkfifo"), path);
        using OpenWatch watch = new(path);
        Assert.True(_self.NamedFiles.TryOpen(path, Stop, out _)!.Value.IsOtherKind);
        Assert.Equal(Errno.EINVAL, Assert.Throws<MemProcException>(() => ElfFile.Open(path)).Errno);
        using FilePageWalk walk = new();
        Assert.Equal(Errno.EINVAL, Assert.Throws<MemProcException>(() => walk.Summarize(path)).Errno);
        Assert.False(watch.IsOpened);
        Libc.OpenAt(null, path, OpenAccess.ReadNonBlocking).Dispose();
        Assert.True(watch.IsOpened);
    }

    [Fact]
    public void The_files_of_a_process_are_those_of_its_root()
    {
        Requires.Root();
        string program = CCompiler.Build(Path.Combine(_folder.Path, "program"), SmallProgram.Code, "gcc", "-static", "-x", "c");
        Directory.CreateDirectory($"{Root}/in");
        File.Copy(program, $"{Root}/program");
        File.WriteAllText($"{Root}/in/file", "inside");
        File.CreateSymbolicLink($"{Root}/link", "/in/file");
        string outside = _folder.File("outside", "outside"u8);
        File.CreateSymbolicLink($"{Root}/out", $"../../../../../..{outside}");
        using SmallProgram caged = new(Requires.Tool("chroot"), Root, "/program");
        using LinuxProcess process = LinuxProcess.Open(caged.ProcessId);
        Assert.Null(process.NamedFiles.TryOpen("/link", Stop, out CheckedFile? file));
        using (file)
        {
            byte[] content = new byte[99];
            Assert.Equal(Errno.None, file!.TryRead(content, 0, Stop, out int read));
            Assert.Equal("inside"u8, content.AsSpan(0, read));
        }

        Assert.True(process.NamedFiles.TryOpen("/out", Stop, out _)!.Value.IsMissing);
        Assert.True(process.NamedFiles.TryOpen(outside, Stop, out _)!.Value.IsMissing);
    }

    [Fact]
    public void A_file_system_that_does_not_answer_is_given_up()
    {
        using SmallProgram target = StartWithSilentServer(Root);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Stopwatch watch = Stopwatch.StartNew();
        using (CancellationTokenSource source = new(TimeSpan.FromMilliseconds(100)))
        {
            Assert.ThrowsAny<OperationCanceledException>(() => process.NamedFiles.TryOpen($"{Root}/file", source.Token, out _));
        }

        // Far from the five seconds that it waits where nothing stops it.
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(4));
        Assert.Equal(Errno.ETIMEDOUT, process.NamedFiles.TryOpen($"{Root}/file", Stop, out _)!.Value.Errno);
        watch.Restart();
        Assert.Equal(Errno.ETIMEDOUT, process.NamedFiles.TryStat($"{Root}/other", Stop, out _));
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(4));
    }

    [Fact]
    public void A_read_that_is_not_answered_is_given_up()
    {
        using SmallProgram target = StartWithSilentServer(Root, UnreadableServer);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.Null(process.NamedFiles.TryOpen($"{Root}/file", Stop, out CheckedFile? file));
        using (file)
        {
            byte[] bytes = new byte[99];
            Stopwatch watch = Stopwatch.StartNew();
            using (CancellationTokenSource source = new(TimeSpan.FromMilliseconds(100)))
            {
                Assert.ThrowsAny<OperationCanceledException>(() => file!.TryRead(bytes, 0, source.Token, out _));
            }

            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(4));
            Assert.Equal(Errno.ETIMEDOUT, file!.TryRead(bytes, 0, Stop, out _));
            watch.Restart();
            Assert.Equal(Errno.ETIMEDOUT, file.TryRead(bytes, 0, Stop, out _));
            Assert.Equal(Errno.ETIMEDOUT, process.NamedFiles.TryStat($"{Root}/file", Stop, out _));
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(4));
        }
    }

    [Fact]
    public void Names_are_resolved_beside_a_perf_map_that_never_answers()
    {
        using SmallProgram target = StartWithSilentServer("/tmp");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        List<string> warnings = [];
        using Symbolizer resolver = new(process, cancellation: Stop) { Warn = warnings.Add };
        Assert.Null(resolver.Resolve([target.Address], error => throw error).Single().Symbol);
        Assert.Contains(warnings, text => text.Contains("its file system does not answer", StringComparison.Ordinal));
        ulong libc = AddressExpression.Parse("libc.so.6!malloc").Resolve(process);
        Assert.Equal("malloc", resolver.Resolve([libc], error => throw error).Single().Symbol);
    }

    [Theory]
    [InlineData(0xef53u, 8u, true, false)] // ext4 on a disk
    [InlineData(0xef53u, 0u, true, true)] // 9p, with the type of the server's file system
    [InlineData(0x0102_1997u, 0u, true, true)] // 9p
    [InlineData(0x0102_1994u, 0u, true, false)] // tmpfs
    [InlineData(0x9fa0u, 0u, false, false)] // procfs
    public void What_stores_files_and_what_can_block(uint type, uint deviceMajor, bool stores, bool canBlock)
    {
        Assert.Equal(stores, FileSystems.StoresFiles(type, deviceMajor));
        Assert.Equal(canBlock, FileSystems.CanBlock(type, deviceMajor));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _self.Dispose();
        _folder.Dispose();
    }

    /// <summary>Starts a program in a mount namespace of its own, where a folder never answers.</summary>
    private SmallProgram StartWithSilentServer(string folder, string program = SilentServer)
    {
        Requires.Root();
        Assert.SkipUnless(File.Exists("/dev/fuse"), "needs /dev/fuse");
        Directory.CreateDirectory(folder);
        string server = CCompiler.Build(Path.Combine(_folder.Path, "server"), program, "gcc", "-x", "c");
        return new SmallProgram(Requires.Tool("unshare"), "--mount", "--propagation", "private", server, folder);
    }
}

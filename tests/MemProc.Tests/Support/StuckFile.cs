using System.Diagnostics;
using System.Globalization;

namespace MemProc.Tests;

/// <summary>
/// A process that maps a file of a file system in user space (FUSE), which it serves itself and never lets be read. The
/// mount is in a mount namespace of its own and disappears with it.
/// </summary>
internal sealed class StuckFile : IDisposable
{
    private const string Source =
        """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <linux/fuse.h>
        #include <pthread.h>
        #include <sched.h>
        #include <stdio.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/mount.h>
        #include <sys/stat.h>
        #include <sys/uio.h>
        #include <unistd.h>

        static int device;

        static void reply(unsigned long unique, int error, const void *body, unsigned length)
        {
            struct fuse_out_header header = { .len = sizeof header + length, .error = -error, .unique = unique };
            struct iovec parts[2] = { { &header, sizeof header }, { (void *)body, length } };
            writev(device, parts, 2);
        }

        static struct fuse_attr attributes(unsigned long node)
        {
            struct fuse_attr result = { .ino = node, .nlink = 1, .size = node == 1 ? 0 : 1 << 20, .blksize = 4096 };
            result.mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644;
            return result;
        }

        static void *serve(void *unused)
        {
            static char buffer[1 << 18];
            while (read(device, buffer, sizeof buffer) > 0)
            {
                struct fuse_in_header *in = (void *)buffer;
                switch (in->opcode)
                {
                case FUSE_INIT:
                {
                    struct fuse_init_out out = { .major = 7, .minor = 31, .max_write = 4096, .max_readahead = 4096 };
                    reply(in->unique, 0, &out, sizeof out);
                    break;
                }
                case FUSE_GETATTR:
                {
                    struct fuse_attr_out out = { .attr_valid = 1000, .attr = attributes(in->nodeid) };
                    reply(in->unique, 0, &out, sizeof out);
                    break;
                }
                case FUSE_LOOKUP:
                {
                    struct fuse_entry_out out = { .nodeid = 2, .attr_valid = 1000, .entry_valid = 1000, .attr = attributes(2) };
                    reply(in->unique, 0, &out, sizeof out);
                    break;
                }
                case FUSE_OPEN:
                {
                    struct fuse_open_out out = { .fh = 1, .open_flags = FOPEN_KEEP_CACHE };
                    reply(in->unique, 0, &out, sizeof out);
                    break;
                }
                case FUSE_READ:
                case FUSE_FORGET:
                case FUSE_BATCH_FORGET:
                case FUSE_INTERRUPT:
                    break;
                default:
                    reply(in->unique, ENOSYS, 0, 0);
                }
            }

            return 0;
        }

        int main(int count, char **arguments)
        {
            char options[100], path[4096];
            device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
            snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
            if (device < 0 || unshare(CLONE_NEWNS) || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0)
                || mount("stuck", arguments[1], "fuse", MS_NOSUID | MS_NODEV, options))
            {
                printf("skip %s\n", strerror(errno));
                return 77;
            }

            pthread_t thread;
            pthread_create(&thread, 0, serve, 0);
            snprintf(path, sizeof path, "%s/file", arguments[1]);
            int file = open(path, O_RDONLY);
            void *address = mmap(0, 1 << 20, PROT_READ, MAP_PRIVATE, file, 0);
            // While it can still be served: the exit would wait for it.
            close(file);
            printf(file < 0 || address == MAP_FAILED ? "skip %s\n" : "%p\n", file < 0 || address == MAP_FAILED
                ? (void *)strerror(errno) : address);
            fflush(stdout);
            char line[16];
            while (fgets(line, sizeof line, stdin))
            {
                printf("alive\n");
                fflush(stdout);
            }

            return 0;
        }
        """;

    private readonly Process _process;

    private StuckFile(Process process, ulong address)
    {
        _process = process;
        Address = address;
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Address of the mapping, 1 MiB of which no page is in memory.</summary>
    public ulong Address { get; }

    /// <summary>Starts it; skips the test where that is not possible.</summary>
    /// <param name="folder">A folder for the program and the mount point.</param>
    public static StuckFile Start(TemporaryFolder folder)
    {
        Requires.Root();
        Assert.SkipUnless(File.Exists("/dev/fuse"), "needs /dev/fuse");
        string program = CCompiler.Build(Path.Combine(folder.Path, "stuck"), Source, "gcc", "-pthread", "-w", "-x", "c");
        string mountPoint = Directory.CreateDirectory(Path.Combine(folder.Path, "mount")).FullName;
        Process process = Process.Start(new ProcessStartInfo(program, [mountPoint])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        string line = process.StandardOutput.ReadLine() ?? "skip";
        if (!line.StartsWith("0x", StringComparison.Ordinal))
        {
            process.Kill();
            process.Dispose();
            Assert.Skip($"needs a mount of FUSE in a separate namespace: {line}");
        }

        return new StuckFile(process, ulong.Parse(line.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
    }

    /// <summary>Whether its main thread runs: it answers a line.</summary>
    public async Task<bool> AnswersAsync(TimeSpan timeout)
    {
        await _process.StandardInput.WriteLineAsync();
        await _process.StandardInput.FlushAsync();
        return await _process.StandardOutput.ReadLineAsync().WaitAsync(timeout) == "alive";
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}

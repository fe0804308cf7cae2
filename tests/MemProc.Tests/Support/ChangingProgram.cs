using System.Diagnostics;
using System.Globalization;

namespace MemProc.Tests;

/// <summary>
/// A compiled program without a runtime that changes memory by itself: nothing changes but what <see cref="Change"/> does.
/// </summary>
internal sealed class ChangingProgram : IDisposable
{
    private const string Source = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <signal.h>
        #include <stdio.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/resource.h>
        #include <sys/syscall.h>
        #include <sys/wait.h>
        #include <unistd.h>

        #define HUGE (2UL << 20)

        static long size;
        static char *next = (char *)0x600000000000;

        static char *place(size_t length)
        {
            char *at = next;
            next += (length + HUGE - 1) / HUGE * HUGE + HUGE;
            return at;
        }

        static char *map(char *at, size_t length, int advice, int seed)
        {
            if (mmap(at, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at)
                _exit(1);
            madvise(at, length, advice);
            for (size_t index = 0; index < length; index++)
                at[index] = (char)(index * 31 + index / size * 5 + seed) | 1;
            return at;
        }

        int main(int count, char **arguments)
        {
            size = sysconf(_SC_PAGESIZE);
            signal(SIGPIPE, SIG_IGN);
            struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
            setrlimit(RLIMIT_CORE, &all);
            int filter = open("/proc/self/coredump_filter", O_WRONLY);
            write(filter, "0x7f", 4);
            close(filter);
            char *byte = map(place(16 * size), 16 * size, MADV_NOHUGEPAGE, 1);
            char *page = map(place(16 * size), 16 * size, MADV_NOHUGEPAGE, 2);
            char *removed = map(place(4 * size), 4 * size, MADV_NOHUGEPAGE, 3);
            char *guarded = map(place(8 * size), 8 * size, MADV_NOHUGEPAGE, 4);
            char *moved = map(place(8 * size), 8 * size, MADV_NOHUGEPAGE, 5);
            char *huge = map(place(HUGE), HUGE, MADV_HUGEPAGE, 6);
            // The kernel must not make the huge page again.
            madvise(huge, HUGE, MADV_NOHUGEPAGE);
            int data = open(arguments[1], O_RDONLY);
            char *file = place(4 * size), *added = place(4 * size), *target = place(8 * size);
            if (mmap(file, 4 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, data, 0) != file)
                return 1;
            close(data);
            for (int index = 0; index < 4; index++)
                (void)*(volatile char *)(file + index * size);
            char text[512];
            int length = snprintf(text, sizeof text, "%p %p %p %p %p %p %p %p %p\n", byte, page, removed, guarded, moved, huge,
                file, added, target);
            write(1, text, length);
            for (char command; read(0, &command, 1) == 1; write(1, "\n", 1))
            {
                // fork(3) would change memory of the C library in the child.
                if (command == 'd' && syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0)
                    kill(getpid(), SIGQUIT);
                if (command == 'd')
                    wait(0);
                if (command == 'c')
                {
                    byte[size + 904] ^= 0xff;
                    for (long index = 3 * size; index < 4 * size; index++)
                        page[index] = ~page[index];
                    munmap(removed, 4 * size);
                    mprotect(guarded + 2 * size, 3 * size, PROT_READ);
                    mremap(moved, 8 * size, 8 * size, MREMAP_MAYMOVE | MREMAP_FIXED, target);
                    file[2 * size + 100] ^= 0xff;
                    map(added, 4 * size, MADV_NOHUGEPAGE, 7);
                    // A part with other permissions cannot be mapped by a huge entry; its frames stay.
                    mprotect(huge + size, size, PROT_READ);
                    mprotect(huge + size, size, PROT_READ | PROT_WRITE);
                }
                if (command == 'q')
                    kill(getpid(), SIGQUIT);
            }
            return 0;
        }
        """;

    private readonly TemporaryFolder _folder;
    private readonly Process _process;
    private int _coreCount;

    /// <summary>Compiles and starts it; the test is skipped where that is not possible.</summary>
    /// <param name="folder">The folder of the program and of its cores.</param>
    public ChangingProgram(TemporaryFolder folder)
    {
        _folder = folder;
        string program = CCompiler.Build(
            Path.Combine(folder.Path, "changing"), Source, "gcc", "-O1", "-w", "-Wl,-z,now", "-x", "c");
        ProcessStartInfo start = new(program, [DataPath = folder.File("data", [.. Enumerable.Range(0, 4 * (int)Page.Size).Select(at => (byte)at)])])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = folder.Path,
        };
        // The kernel writes to the area of restartable sequences whenever it moves the thread to another processor.
        start.Environment["GLIBC_TUNABLES"] = "glibc.pthread.rseq=0";
        _process = System.Diagnostics.Process.Start(start)!;
        ulong[] addresses = [.. (_process.StandardOutput.ReadLine() ?? string.Empty).Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(address => ulong.Parse(address.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
        Assert.Equal(9, addresses.Length);
        (Byte, ChangedPage, Removed) = (addresses[0] + Page.Size + 904, addresses[1] + 3 * Page.Size, addresses[2]);
        (Protected, MovedFrom, Huge) = (addresses[3] + 2 * Page.Size, addresses[4], addresses[5]);
        (Copied, Added, MovedTo) = (addresses[6] + 2 * Page.Size + 100, addresses[7], addresses[8]);
        Process = LinuxProcess.Open(_process.Id);
    }

    /// <summary>The process.</summary>
    public LinuxProcess Process { get; }

    /// <summary>The file of which a page is copied on write.</summary>
    public string DataPath { get; }

    /// <summary>The byte that changes.</summary>
    public ulong Byte { get; }

    /// <summary>The page of which all bytes change.</summary>
    public ulong ChangedPage { get; }

    /// <summary>Four pages that are unmapped.</summary>
    public ulong Removed { get; }

    /// <summary>Three pages that become read-only.</summary>
    public ulong Protected { get; }

    /// <summary>Eight pages that move.</summary>
    public ulong MovedFrom { get; }

    /// <summary>Where these move to.</summary>
    public ulong MovedTo { get; }

    /// <summary>A huge page that is split.</summary>
    public ulong Huge { get; }

    /// <summary>The byte of a file that is written, so that its page is copied.</summary>
    public ulong Copied { get; }

    /// <summary>Four pages that are mapped.</summary>
    public ulong Added { get; }

    /// <summary>Makes all changes.</summary>
    public void Change()
    {
        Send('c');
        Assert.NotNull(_process.StandardOutput.ReadLine());
    }

    /// <summary>Saves a core.</summary>
    /// <param name="form">Who writes it: <c>own</c>, <c>gzip</c>, <c>gcore</c>, or <c>kernel</c>.</param>
    /// <param name="isLast">The process is not needed any more: the kernel dumps it, and not a child that is the same.</param>
    public MemProc.CoreFile Core(string form, bool isLast)
    {
        string path = Path.Combine(_folder.Path, $"{form}.{++_coreCount}");
        switch (form)
        {
            case "kernel":
                Assert.SkipUnless(File.ReadAllText("/proc/sys/kernel/core_pattern").Trim() == "core",
                    "needs core_pattern 'core', so that the kernel writes into the working folder");
                Send(isLast ? 'q' : 'd');
                _process.StandardOutput.ReadLine();
                string[] files = Directory.GetFiles(_folder.Path, "core*");
                Assert.SkipUnless(files.Length == 1, "needs the right to dump core");
                File.Move(files[0], path);
                break;
            case "gcore":
                File.Move(CoreMaker.Gcore(_process.Id, _folder), path);
                break;
            default:
                MemorySaver.Save(Process, null, path,
                    new SaveOptions { Stop = true, PageInfo = true, Compress = form == "gzip" }, _ => { }, CancellationToken.None);
                break;
        }

        return MemProc.CoreFile.Open(path);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Process.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.WaitForExit();
        _process.Dispose();
    }

    private void Send(char command)
    {
        _process.StandardInput.Write(command);
        _process.StandardInput.Flush();
    }
}

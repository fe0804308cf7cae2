using System.Diagnostics;
using System.Globalization;

namespace MemProc.Tests;

/// <summary>
/// Tests that a process that starts threads, children and programs all the time is stopped completely, each time, and
/// continues each time.
/// </summary>
public sealed class RestlessStopTests : IDisposable
{
    /// <summary>Set to 1000 for a longer test.</summary>
    private const string RoundsVariable = "MEMPROC_STOPS";

    /// <summary>
    /// Its threads start children and threads that exit at once, until one of them, seldom the main thread, executes the
    /// program again. Each start writes a byte to standard output.
    /// </summary>
    private const string Restless = """
        #include <pthread.h>
        #include <stdlib.h>
        #include <sys/syscall.h>
        #include <sys/wait.h>
        #include <time.h>
        #include <unistd.h>

        static char **arguments;
        static volatile int executes;

        static void *nothing(void *unused) { return unused; }

        static void *work(void *number)
        {
            unsigned seed = (unsigned)(time(0) ^ getpid() ^ syscall(SYS_gettid));
            for (int round = 0;; round++) {
                pthread_t thread;
                if (pthread_create(&thread, 0, nothing, 0) == 0)
                    pthread_join(thread, 0);
                if (number == (void *)1 && rand_r(&seed) % 4 == 0) {
                    pid_t child = fork();
                    if (child == 0)
                        _exit(0);
                    waitpid(child, 0, 0);
                }
                usleep(rand_r(&seed) % 500);
                if (rand_r(&seed) % 40 == 0 && __sync_bool_compare_and_swap(&executes, 0, 1))
                    execv("/proc/self/exe", arguments);
            }
        }

        int main(int count, char **values)
        {
            (void)count;
            arguments = values;
            write(1, ".", 1);
            for (long number = 1; number < 4; number++) {
                pthread_t thread;
                pthread_create(&thread, 0, work, (void *)number);
            }
            work(0);
        }
        """;

    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_stop_is_complete_and_ends()
    {
        int rounds = int.TryParse(Environment.GetEnvironmentVariable(RoundsVariable), CultureInfo.InvariantCulture,
            out int asked) ? asked : 200;
        string program = CCompiler.Build(
            Path.Combine(_folder.Path, "restless"), Restless, "gcc", "-O1", "-w", "-x", "c", "-pthread");
        using Process started = Process.Start(new ProcessStartInfo(program) { RedirectStandardOutput = true })!;
        try
        {
            long starts = 0;
            Thread counter = new(() =>
            {
                while (started.StandardOutput.BaseStream.ReadByte() >= 0)
                {
                    Interlocked.Increment(ref starts);
                }
            })
            { IsBackground = true };
            counter.Start();
            Assert.True(SpinWait.SpinUntil(() => Interlocked.Read(ref starts) > 2, TimeSpan.FromSeconds(30)));

            using LinuxProcess process = LinuxProcess.Open(started.Id);
            for (int round = 0; round < rounds; round++)
            {
                using (ProcessStop stop = ProcessStop.Begin(process))
                {
                    int[] threads = process.ThreadIds();
                    Assert.Equal(threads.Where(thread => process.ThreadStat(thread) is { IsZombie: false }), stop.ThreadIds);
                    Assert.All(stop.ThreadIds, thread => Assert.Equal('t', process.ThreadStat(thread)!.Value.State));
                    Assert.All(stop.ThreadIds, thread => Assert.NotNull(stop.ReadRegisters(thread, 1)));
                }

                Assert.False(started.HasExited);
                Thread.Sleep(round % 4);
            }

            long before = Interlocked.Read(ref starts);
            Assert.True(SpinWait.SpinUntil(() => Interlocked.Read(ref starts) > before + 2, TimeSpan.FromSeconds(30)));
            Assert.True(SpinWait.SpinUntil(() => IsFree(process), TimeSpan.FromSeconds(10)));
        }
        finally
        {
            started.Kill();
            started.WaitForExit();
        }
    }

    /// <summary>Whether no thread is traced or stopped.</summary>
    private static bool IsFree(LinuxProcess process) => process.ThreadIds().All(thread =>
        process.ThreadStat(thread) is not { State: 't' or 'T' }
        && !(CallerRights.ReadAll($"task/{thread}/status", process.Folder) is string status && status.Contains("TracerPid:", StringComparison.Ordinal)
            && !status.Contains("TracerPid:\t0", StringComparison.Ordinal)));
}

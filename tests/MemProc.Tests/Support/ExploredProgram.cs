using System.Diagnostics;
using System.Globalization;

namespace MemProc.Tests;

/// <summary>A compiled program with known threads, pointers, and accesses. Disposing it removes the file.</summary>
public sealed class ExploredProgram : IDisposable
{
    private const string Source = """
        #define _GNU_SOURCE
        #include <pthread.h>
        #include <sched.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>

        struct node { struct node *next; };
        struct item { long unused[4]; long score; };
        struct player { long unused[3]; struct item *item; };

        volatile long shared __attribute__((aligned(8)));
        volatile long counters[4];
        volatile int wanted = -1;
        char *text = "telescope text";
        struct node cycle = { &cycle };
        long number = 42;
        long *indirect = &number;
        struct player *player;

        __attribute__((noinline)) void store(long value) { shared = value; __asm__ volatile("nop"); }
        __attribute__((noinline)) long load(void) { long value = shared; __asm__ volatile("nop"); return value; }

        void *words[] = { &text, &cycle, (void *)store, (void *)42, &indirect, 0 };

        static void *work(void *argument)
        {
            long number = (long)argument;
            for (;;)
            {
                counters[number]++;
                if (wanted == number)
                {
                    wanted = -1;
                    store(1000 + number);
                }

                usleep(500);
            }
        }

        // Many stores on one processor, whose buffer they fill.
        static void burst(void)
        {
            cpu_set_t set;
            CPU_ZERO(&set);
            CPU_SET(sched_getcpu(), &set);
            sched_setaffinity(0, sizeof set, &set);
            for (long number = 0; number < 5000; number++)
            {
                store(number);
            }
        }

        static void *late(void *argument)
        {
            store(77);
            return argument;
        }

        int main(void)
        {
            pthread_t thread;
            for (long number = 0; number < 4; number++)
            {
                pthread_create(&thread, 0, work, (void *)number);
            }

            // Sizes that the allocator does not place next to each other.
            player = malloc(sizeof *player);
            memset(player, 0, sizeof *player);
            char *between = malloc(100000);
            memset(between, 1, 100000);
            player->item = calloc(1, sizeof(struct item));
            player->item->score = 100;
            printf("%p\n", (void *)&player->item->score);
            fflush(stdout);
            for (int command; (command = getchar()) != EOF;)
            {
                switch (command)
                {
                    case '0' ... '3': wanted = command - '0'; break;
                    case 'n': pthread_create(&thread, 0, late, 0); pthread_join(thread, 0); break;
                    case 'r': load(); break;
                    case 's': player->item->score += 1; break;
                    case 'w': burst(); break;
                    case 'p': store(4242); break;
                    case 'e': execl("/proc/self/exe", "explored", (char *)0); break;
                    default: continue;
                }

                putchar('.');
                fflush(stdout);
            }

            return 0;
        }
        """;

    private readonly TemporaryFolder _folder = new();

    /// <summary>Compiles it; the test is skipped where that is not possible.</summary>
    public ExploredProgram() => Path = CCompiler.Build(
        System.IO.Path.Combine(_folder.Path, "explored"), Source, "gcc", "-g", "-O1", "-pthread", "-x", "c");

    /// <summary>The path of the program.</summary>
    public string Path { get; }

    /// <summary>A folder for files of the test.</summary>
    public string Folder => _folder.Path;

    /// <summary>Starts it.</summary>
    public Run Start() => new(Path);

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    /// <summary>A running program. Disposing it kills it.</summary>
    public sealed class Run : IDisposable
    {
        private readonly Process _process;

        internal Run(string path)
        {
            _process = System.Diagnostics.Process.Start(new ProcessStartInfo(path)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
            Score = ulong.Parse(_process.StandardOutput.ReadLine()!.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            Process = LinuxProcess.Open(_process.Id);
            // It has written the address, and waits for commands a moment later.
            SpinWait.SpinUntil(() => Process.ThreadStat(_process.Id)?.State == 'S', TestTimeout.OfSeconds(10));
        }

        /// <summary>The process.</summary>
        public LinuxProcess Process { get; }

        /// <summary>Address of the allocated number.</summary>
        public ulong Score { get; }

        /// <summary>Sends commands, a letter each, without waiting.</summary>
        public void Send(string commands)
        {
            _process.StandardInput.Write(commands);
            _process.StandardInput.Flush();
        }

        /// <summary>Sends commands and waits until they are done.</summary>
        public void Ask(string commands)
        {
            Send(commands);
            foreach (char _ in commands)
            {
                Assert.Equal('.', (char)_process.StandardOutput.Read());
            }
        }

        /// <summary>Returns the address that an expression stands for.</summary>
        public ulong At(string expression) => AddressExpression.Parse(expression).Resolve(Process);

        /// <inheritdoc/>
        public void Dispose()
        {
            Process.Dispose();
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}

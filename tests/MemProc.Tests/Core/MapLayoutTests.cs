using System.Diagnostics;
using System.Text;

namespace MemProc.Tests;

/// <summary>Tests the details of mappings from ELF images and threads.</summary>
public sealed class MapLayoutTests
{
    private const string Program = """
        #include <pthread.h>
        #include <stdio.h>
        #include <unistd.h>
        #include <sys/syscall.h>
        #include <stdlib.h>
        static const int constant[4000] = { 1 };
        int data[4000] = { 2 };
        int bss[40000];
        static void *sleeper(void *unused) {
            int local;
            printf("thread %ld %p\n", (long)syscall(SYS_gettid), (void *)&local);
            fflush(stdout);
            pause();
            return unused;
        }
        int main(void) {
            int local;
            pthread_t thread;
            printf("%p %p %p %p %p %p\n", (void *)&main, (void *)constant, (void *)data, (void *)&bss[20000], malloc(10),
                (void *)&local);
            fflush(stdout);
            pthread_create(&thread, 0, sleeper, 0);
            pause();
        }
        """;

    [Theory]
    [InlineData("-pie", "-Wl,-z,separate-code")]
    [InlineData("-no-pie", "-Wl,-z,noseparate-code")]
    [InlineData("-static-pie", "-O1")]
    public void The_main_program_is_identified_and_stacks_belong_to_threads(params string[] options)
    {
        using TemporaryFolder folder = new();
        string path = CCompiler.Build(Path.Combine(folder.Path, "layout"), Program,
            ["gcc", .. options, "-pthread", "-x", "c"]);
        using Process program = Process.Start(new ProcessStartInfo(path) { RedirectStandardOutput = true })!;
        try
        {
            ulong[] addresses = [.. program.StandardOutput.ReadLine()!.Split(' ').Select(text => Convert.ToUInt64(text, 16))];
            string[] thread = program.StandardOutput.ReadLine()!.Split(' ');
            int threadId = int.Parse(thread[1], null);
            using LinuxProcess process = LinuxProcess.Open(program.Id);
            Assert.True(SpinWait.SpinUntil(
                () => process.ThreadIds().All(id => process.ThreadStat(id)?.State == 'S'), 10_000));
            ProcMapDetail[] maps = [.. MapSelection.Read(process, null, detailed: true, new MapFilter(), default).Cast<ProcMapDetail>()];
            using ElfFile file = ElfFile.Open(path);

            Assert.Equal(
                [ProcMapRole.Text, Constants(), ProcMapRole.Data, ProcMapRole.Bss, ProcMapRole.Heap, ProcMapRole.Stack],
                addresses.Select(address => At(address).Role));
            Assert.All(maps, map => Assert.Equal(map.Path == path ? file.BuildId : map.BuildId, map.BuildId));
            Assert.NotNull(file.BuildId);
            foreach (ulong address in addresses[..4])
            {
                ProcMapDetail map = At(address);
                ElfSegment segment = file.Segments[int.Parse(map.Segment!.Split('#', ' ')[2], null)];
                Assert.Equal($"LOAD #{segment.Index} {segment.Permissions}", map.Segment);
                ulong bias = file.Type == ElfType.Executable ? 0 : maps.First(map => map.Path == path).Start;
                Assert.InRange(address - bias, segment.VirtualAddress, segment.VirtualAddress + segment.MemoryBytes - 1);
            }

            Assert.Equal((null, null, program.Id), (At(addresses[5]).Segment, At(addresses[5]).BuildId, At(addresses[5]).Thread));
            ProcMapDetail stack = At(Convert.ToUInt64(thread[2], 16));
            Assert.Equal((threadId, null, null), (stack.Thread, stack.Role, stack.Segment));
            Assert.Equal(2, maps.Count(map => map.Thread is not null));
            Assert.All(maps.Where(map => map.Path.Contains("libc.so", StringComparison.Ordinal)), map => Assert.Null(map.Role));
            if (options[0] != "-static-pie")
            {
                Assert.Contains(maps, map => map.Path.Contains("libc.so", StringComparison.Ordinal)
                    && map.Segment is not null && map.BuildId is not null);
            }

            ProcMapDetail At(ulong address) => maps.Single(map => map.Start <= address && address < map.End);
            // If code and constants share a segment, they share its permissions.
            ProcMapRole Constants() => options[0] == "-no-pie" ? ProcMapRole.Text : ProcMapRole.ReadOnlyData;
        }
        finally
        {
            program.Kill();
            program.WaitForExit();
        }
    }

    [Fact]
    public void Unavailable_details_are_null()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "55d0c0000000-55d0c0001000 r-xp 00000000 fd:00 12  /usr/bin/none\n");
        simulated.Write("smaps", "55d0c0000000-55d0c0001000 r-xp 00000000 fd:00 12  /usr/bin/none\nRss: 4 kB\n");
        using LinuxProcess process = simulated.Open();
        ProcMapDetail map = Assert.IsType<ProcMapDetail>(
            Assert.Single(MapSelection.Read(process, null, detailed: true, new MapFilter(), default)));
        Assert.Equal((null, null, null, null, 4096UL), (map.BuildId, map.Segment, map.Role, map.Thread, map.RssBytes));
    }

    [Fact]
    public void A_stack_has_the_same_thread_in_the_list_and_by_address()
    {
        using SimulatedProcess simulated = new();
        string[] maps =
        [
            "10000000-10010000 rw-p 00000000 00:00 0", "20000000-20010000 rw-p 00000000 00:00 0",
            "30000000-30010000 rw-p 00000000 00:00 0          [heap]", "40000000-40010000 r--p 00000000 00:00 0",
            "50000000-50010000 rw-p 00000000 00:00 0", "7ff00000-7ff10000 rw-p 00000000 00:00 0          [stack]",
        ];
        simulated.Write("maps", string.Concat(maps.Select(map => $"{map}\n")));
        simulated.Write("smaps", string.Concat(maps.Select(map => $"{map}\nRss: 4 kB\n")));
        foreach ((int thread, uint pointer) in new (int, uint)[]
        {
            (11, 0x1000_0100), (12, 0x1000_0200), (13, 0x2000_0000), (14, 0x3000_ffff), (15, 0x4000_0000),
        })
        {
            SimulatedProcess.WriteKernelFile(
                Path.Combine(simulated.Files.Proc, $"{Environment.ProcessId}", "task", $"{thread}", "syscall"),
                Encoding.ASCII.GetBytes($"202 0x0 0x0 0x0 0x0 0x0 0x0 0x{pointer:x} 0x1000\n"));
        }

        // A mapping with the stacks of several threads has no thread id. [stack] needs no stack pointer.
        int?[] expected = [null, 13, 14, null, null, Environment.ProcessId];
        using LinuxProcess process = simulated.Open();
        ProcMapDetail[] listed =
            [.. MapSelection.Read(process, null, detailed: true, new MapFilter(), default).Cast<ProcMapDetail>()];
        Assert.Equal(expected, listed.Select(map => map.Thread));
        using Symbolizer resolver = new(process);
        Assert.Equal(expected, resolver.Resolve(listed.Select(map => map.Start), error => throw error)
            .Select(address => address.ThreadId));
    }

    [Fact]
    public void Smaps_is_read_up_to_the_last_requested_mapping()
    {
        using SimulatedProcess simulated = new();
        const string Heap = "10000000-10010000 rw-p 00000000 00:00 0          [heap]\n";
        simulated.Write("maps", $"{Heap}20000000-20010000 rw-p 00000000 00:00 0\n");
        simulated.Write("smaps", $"{Heap}Rss: 4 kB\n20000000-2001 what no kernel writes\nRss: 4 kB\n");
        using LinuxProcess process = simulated.Open();
        Assert.Equal(4096UL, Assert.Single(Read(0x1000_0100, new MapFilter())).RssBytes);
        Assert.Equal(4096UL, Assert.Single(Read(null, new MapFilter { Kinds = [ProcMapKind.Heap] })).RssBytes);
        Assert.Equal("ReadMaps,EINVAL",
            Assert.Throws<MemProcException>(() => Read(0x2000_0000, new MapFilter()).Count()).ErrorId);
        simulated.Write("smaps", "what no kernel writes\n");
        Assert.Equal("FindMap,ENOENT",
            Assert.Throws<MemProcException>(() => Read(0x3000_0000, new MapFilter()).Count()).ErrorId);
        Assert.Empty(Read(null, new MapFilter { Kinds = [ProcMapKind.Stack] }));

        IEnumerable<ProcMapDetail> Read(ulong? address, MapFilter filter) =>
            MapSelection.Read(process, address, detailed: true, filter, default).Cast<ProcMapDetail>();
    }
}

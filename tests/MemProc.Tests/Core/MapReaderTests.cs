using System.Text.RegularExpressions;

namespace MemProc.Tests;

/// <summary>Compares mappings with the text of <c>/proc/PID/maps</c> and <c>smaps</c>.</summary>
public sealed partial class MapReaderTests
{
    private const ulong Vsyscall = 0xffff_ffff_ff60_0000;

    [Fact]
    public void Every_line_of_maps_is_returned_in_order()
    {
        using TargetProcess target = TargetProcess.Start();
        MapMany(target);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        // The runtime of the target maps something now and then.
        using SuspendedProcess stopped = SuspendedProcess.Begin(process);
        string[] expected = Lines($"/proc/{target.ProcessId}/maps");
        ProcMap[] maps = [.. MapReader.Read(process)];
        Assert.Equal(expected, maps.Select(map => map.ToString()));
        Assert.Equal(Enumerable.Range(0, maps.Length), maps.Select(map => map.Index!.Value));
        Assert.All(maps, map => Assert.Equal(map.End - map.Start, map.SizeBytes));
    }

    [Fact]
    public void Kinds_are_distinguished()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("data", new byte[Page.Size]);
        using TargetProcess target = TargetProcess.Start();
        Dictionary<ulong, ProcMapKind> expected = new()
        {
            [Ask("map 8192 rw- private")] = ProcMapKind.Anonymous,
            [Ask("map 8192 rw- shared")] = ProcMapKind.SharedMemory,
            [Ask("memfd 8192 needle")] = ProcMapKind.SharedMemory,
            [Ask($"file 0 {Page.Size} r-- private {file}")] = ProcMapKind.File,
            [Ask("file 0 4096 rw- shared /dev/zero")] = ProcMapKind.SharedMemory,
        };
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.All(expected, pair => Assert.Equal(pair.Value, MapReader.Find(process, pair.Key)!.Kind));
        ProcMap[] maps = [.. MapReader.Read(process)];
        Assert.Single(maps, map => map.Kind == ProcMapKind.Heap);
        Assert.Single(maps, map => map.Kind == ProcMapKind.Stack);
        Assert.Single(maps, map => map.Kind == ProcMapKind.Vdso);
        Assert.Contains(maps, map => map.Kind == ProcMapKind.Vvar);

        ulong Ask(string command) => target.Ask(command).Address("address");
    }

    [Theory]
    [InlineData("[heap]", ProcMapKind.Heap)]
    [InlineData("[stack]", ProcMapKind.Stack)]
    [InlineData("[vvar_vclock]", ProcMapKind.Vvar)]
    [InlineData("[vsyscall]", ProcMapKind.Vsyscall)]
    [InlineData("[uprobes]", ProcMapKind.Special)]
    [InlineData("[anon:x y]", ProcMapKind.NamedAnonymous)]
    [InlineData("[anon_shmem:x]", ProcMapKind.SharedMemory)]
    [InlineData("/anon_hugepage (deleted)", ProcMapKind.HugePages)]
    [InlineData("/dev/hugepages/pool", ProcMapKind.HugePages)]
    [InlineData("/SYSV00003039 (deleted)", ProcMapKind.SharedMemory)]
    [InlineData("/dev/shm/queue", ProcMapKind.SharedMemory)]
    [InlineData("/dev/dri/card0", ProcMapKind.Device)]
    [InlineData("/dmabuf:", ProcMapKind.Device)]
    [InlineData("anon_inode:kvm-vcpu:0", ProcMapKind.Device)]
    [InlineData("(unreachable)/usr/bin/cat", ProcMapKind.File)]
    [InlineData("/usr/bin/cat", ProcMapKind.File)]
    [InlineData("", ProcMapKind.Anonymous)]
    public void Kinds_are_derived_from_recorded_names(string name, ProcMapKind kind)
    {
        using SimulatedProcess simulated = new();
        string device = name.StartsWith("/dev/hugepages", StringComparison.Ordinal) ? "00:1f" : "fd:00";
        simulated.Write("mountinfo", "30 1 0:31 / /dev/hugepages rw shared:1 - hugetlbfs hugetlbfs rw,pagesize=2M\n");
        simulated.Write("maps", $"7f0000000000-7f0000001000 rw-p 00000000 {device} 12                     {name}\n");
        using LinuxProcess process = simulated.Open();
        Assert.Equal(kind, Assert.Single(MapReader.Read(process)).Kind);
    }

    [Fact]
    public void Unusual_file_names_are_kept_and_escaped_for_display()
    {
        using TemporaryFolder folder = new();
        string name = folder.File("a b\n\e[31m", new byte[Page.Size]);
        string looksDeleted = folder.File("kept (deleted)", new byte[Page.Size]);
        string deleted = folder.File("gone", new byte[Page.Size]);
        using TargetProcess target = TargetProcess.Start();
        ulong strange = File("a b\\n\\e[31m"), kept = File("kept (deleted)"), gone = File("gone");
        System.IO.File.Delete(deleted);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);

        ProcMap map = MapReader.Find(process, strange)!;
        Assert.Equal(name, map.Path);
        Assert.Equal(name.Replace("\n", "\\012", StringComparison.Ordinal), map.RawPath);
        Assert.DoesNotContain('\e', map.ToString());

        map = MapReader.Find(process, kept)!;
        Assert.Equal((looksDeleted, false), (map.Path, map.IsDeleted));
        map = MapReader.Find(process, gone)!;
        Assert.Equal((deleted, true, deleted + " (deleted)"), (map.Path, map.IsDeleted, map.RawPath));
        Assert.Equal(
            MapReader.Read(process).Where(one => one.Start == kept || one.Start == gone).Select(one => one.IsDeleted),
            new[] { kept, gone }.Order().Select(address => address == gone));

        ulong File(string file) =>
            target.Ask($"file 0 {Page.Size} r-- private {folder.Path}/{file}").Address("address");
    }

    [Fact]
    public void The_mapping_by_address_equals_the_one_in_the_list()
    {
        using TargetProcess target = TargetProcess.Start();
        MapMany(target);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        foreach (ProcMap map in MapReader.Read(process).Where(map => map.Kind != ProcMapKind.Vsyscall))
        {
            Assert.Equal(map.ToString(), MapReader.Find(process, map.Start)?.ToString());
            Assert.Equal(map.ToString(), MapReader.Find(process, map.End - 1)?.ToString());
        }

        Assert.Null(MapReader.Find(process, 0));
        Assert.Null(MapReader.Find(process, 0x7fff_ffff_f000));
        Assert.Null(MapReader.Find(process, ulong.MaxValue - 1));
    }

    [Fact]
    public void The_vsyscall_page_is_found_by_address()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        if (MapReader.Read(process).All(map => map.Start != Vsyscall))
        {
            Assert.Skip("needs a kernel with [vsyscall]");
        }

        Assert.Equal("[vsyscall]", MapReader.Find(process, Vsyscall + 16)!.Path);
    }

    [Fact]
    public void A_range_returns_the_mappings_that_overlap_it()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong start = target.Ask("vmas 9").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.Equal([start + Page.Size, start + 2 * Page.Size, start + 3 * Page.Size],
            MapReader.Between(process, start + Page.Size + 1, start + 3 * Page.Size + 1).Select(map => map.Start));
        Assert.Empty(MapReader.Between(process, start - 1, start));
    }

    [Fact]
    public void Path_patterns_without_a_slash_match_file_names()
    {
        Func<string, bool> Rule(string pattern) => MapFilter.PathPredicate(
            pattern, name => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern, name, false));
        Assert.True(Rule("libc.so*")("/usr/lib/libc.so.6"));
        Assert.False(Rule("*red*")("/usr/share/x"));
        Assert.True(Rule("*/share/*")("/usr/share/x"));
        Assert.True(Rule("[heap]")("[heap]"));
        Assert.True(Rule("[he*")("[heap]"));
        Assert.False(Rule("libc")("/usr/lib/libc.so.6"));
    }

    [Fact]
    public void Without_PROCMAP_QUERY_the_list_is_searched()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", """
            400000-401000 r-xp 00000000 fd:00 13592455                     /root/memory_layout
            600000-601000 rw-p 00001000 fd:00 13592455                     /root/memory_layout
            7ffe05a82000-7ffe05aa3000 rw-p 00000000 00:00 0                [stack]

            """);
        using LinuxProcess process = simulated.Open();
        Assert.Equal(0x600000UL, MapReader.Find(process, 0x600fff)!.Start);
        Assert.Null(MapReader.Find(process, 0x401000));
        Assert.Equal([0x400000UL, 0x600000UL], MapReader.Between(process, 0x400fff, 0x600001).Select(map => map.Start));
    }

    [Fact]
    public void Sixty_thousand_mappings_are_listed()
    {
        using TargetProcess target = TargetProcess.Start();
        TargetReply many = target.Ask("vmas 60000");
        ulong start = many.Address("address"), end = start + many.Number("length");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.Equal(60000, MapReader.Read(process).Count(map => map.Start >= start && map.End <= end));
    }

    [Fact]
    public void Every_counter_of_smaps_is_returned()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {16 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 5");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ProcMapDetail map = Assert.Single(MapReader.ReadDetailed(process), map => map.Start == address);
        Assert.Equal(5 * Page.Size, map.RssBytes);
        Assert.Equal(5 * Page.Size, map.PrivateDirtyBytes);
        Assert.Equal(5 * Page.Size, map.UssBytes);
        Assert.Equal(Page.Size, map.KernelPageSizeBytes);
        Assert.Contains("rd", map.VmFlags);

        string[] lines = [.. Lines($"/proc/{target.ProcessId}/smaps")
            .SkipWhile(line => !line.StartsWith($"{address:x}-", StringComparison.Ordinal)).Skip(1)
            .TakeWhile(line => char.IsUpper(line[0]))];
        Assert.Equal(
            lines.Where(line => !line.StartsWith("VmFlags", StringComparison.Ordinal)).Select(line => line.Split(':')[0]),
            map.Counters.Keys);
        Assert.Equal(
            lines.Single(line => line.StartsWith("VmFlags: ", StringComparison.Ordinal))["VmFlags: ".Length..].Trim(),
            string.Join(' ', map.VmFlags));
    }

    [Fact]
    public void Unknown_counters_and_flags_are_kept()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("smaps", """
            400000-402000 r-xp 00000000 fd:00 13592455                     /root/memory_layout
            Size:                  8 kB
            Rss:                   4 kB
            Brand_New:            12 kB
            THPeligible:           1
            VmFlags: rd ex zz 
            7ffe05a82000-7ffe05aa3000 rw-p 00000000 00:00 0                [stack]
            Size:                132 kB

            """);
        using LinuxProcess process = simulated.Open();
        ProcMapDetail[] maps = [.. MapReader.ReadDetailed(process)];
        Assert.Equal(2, maps.Length);
        Assert.Equal(12 * 1024UL, maps[0].Counters["Brand_New"]);
        Assert.Equal(1UL, maps[0].Counters["THPeligible"]);
        Assert.Equal(["rd", "ex", "zz"], maps[0].VmFlags);
        Assert.Null(maps[1].RssBytes);
        Assert.Empty(maps[1].VmFlags);
    }

    [Fact]
    public void A_mapping_that_grew_between_two_reads_is_returned_once()
    {
        const string Twice = """
            400000-402000 rw-p 00000000 00:00 0                            [heap]
            400000-404000 rw-p 00000000 00:00 0                            [heap]
            500000-501000 rw-p 00000000 00:00 0

            """;
        using SimulatedProcess simulated = new();
        simulated.Write("maps", Twice);
        simulated.Write("smaps", Twice);
        using LinuxProcess process = simulated.Open();
        (ulong, ulong, int?)[] once = [(0x400000, 0x402000, 0), (0x500000, 0x501000, 1)];
        Assert.Equal(once, MapReader.Read(process).Select(map => (map.Start, map.End, map.Index)));
        Assert.Equal(once, MapReader.ReadDetailed(process).Select(map => (map.Start, map.End, map.Index)));
    }

    [Fact]
    public void An_unknown_line_is_an_error()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-402000 r-xp\n");
        using LinuxProcess process = simulated.Open();
        MemProcException error = Assert.Throws<MemProcException>(() => MapReader.Read(process).Count());
        Assert.Equal("ReadMaps,EINVAL", error.ErrorId);
    }

    [Fact]
    public void Reading_stops_on_cancellation()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using CancellationTokenSource cancellation = new();
        int seen = 0;
        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (ProcMap _ in MapReader.Read(process, cancellation.Token))
            {
                if (++seen == 3)
                {
                    cancellation.Cancel();
                }
            }
        });
        Assert.Equal(3, seen);
    }

    private static void MapMany(TargetProcess target)
    {
        target.Ask("seed");
        target.Ask("map 8192 --- private");
        target.Ask("map 8192 rwx private");
        target.Ask("map 8192 rw- shared");
        target.Ask("memfd 8192 a name");
        target.Ask("vmas 300");
    }

    /// <summary>Returns the lines without the padding before the path.</summary>
    private static string[] Lines(string path) => [.. File.ReadAllText(path).Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => Padding().Replace(line, "$1 ").TrimEnd(' '))];

    [GeneratedRegex(@"^(\S+ \S+ \S+ \S+ \d+) +")]
    private static partial Regex Padding();
}

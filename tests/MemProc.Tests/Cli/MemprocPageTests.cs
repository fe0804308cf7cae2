using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests filters of <c>memproc pagemap</c>, and <c>memproc sharing</c>.</summary>
public sealed class MemprocPageTests
{
    [Fact]
    public void Pages_are_filtered_by_location()
    {
        using TargetProcess target = TargetProcess.Start();
        using TemporaryFolder folder = new();
        ulong anonymous = target.Ask("seed").Address("address");
        ulong file = target.Ask($"file 0 {Page.Size} r-- shared {folder.File("page", new byte[Page.Size])}")
            .Address("address");
        target.Ask($"peek {file} 1");
        Assert.Equal(0, Count(target, anonymous, "--file"));
        Assert.Equal(1, Count(target, anonymous, "--anonymous", "--present"));
        Assert.Equal(0, Count(target, anonymous, "--swapped"));
        Assert.Equal(1, Count(target, file, "--file"));
        Assert.Equal(0, Count(target, file, "--anonymous"));
        Assert.Equal(0, Count(target, file, "--guard"));
    }

    [Fact]
    public void Pages_are_filtered_by_frame_flags()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        Assert.Equal(1, Count(target, address, "--flag", "anonymous,uptodate"));
        Assert.Equal(0, Count(target, address, "--not-flag", "anonymous"));
        Assert.Equal(1, Count(target, address, "--any-flag", "slab", "--any-flag", "anonymous"));
        Assert.Equal(0, Count(target, address, "--exact-flag", "anonymous"));
        string[] pagemap = ["pagemap", $"{target.ProcessId}", $"0x{address:x}", "--count", "1", "--with-flags"];
        JsonElement page = Assert.Single(MemprocTests.Json([.. pagemap, "--json"]));
        Assert.Contains("anonymous", page.GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()));
        Assert.Contains(",anonymous", MemprocTests.Memproc(pagemap).Output, StringComparison.Ordinal);
        (int exitCode, _, string errors) = MemprocTests.Memproc("pagemap", $"{target.ProcessId}", "--flag", "dirtt");
        Assert.Equal(1, exitCode);
        Assert.Contains("no page flag 'dirtt'", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Saved_tables_are_read_in_runs_and_counted()
    {
        using TemporaryFolder folder = new();
        byte[] words = [.. ((ulong[])[0x20, 0x20, 0x1000]).SelectMany(BitConverter.GetBytes)];
        string saved = folder.File("kpageflags", words);
        string counts = folder.File("kpagecount", [.. ((ulong[])[4, 4, 5]).SelectMany(BitConverter.GetBytes)]);
        JsonElement[] runs = [.. MemprocTests.Json("flags", "..", "--run", "--kpageflags", saved, "--kpagecount", counts, "--json")];
        Assert.Equal([(0, 2, 4), (2, 1, 5)], runs.Select(run => (run.GetProperty("pfn").GetInt32(),
            run.GetProperty("pageCount").GetInt32(), run.GetProperty("mapCount").GetInt32())));
        Assert.Matches("^ +Pfn +Pages ", MemprocTests.Memproc("flags", "..", "--run", "--kpageflags", saved).Output);
        Assert.Equal([2, 1], MemprocTests.Json("summary", "--kpageflags", saved, "--json")
            .Select(sum => sum.GetProperty("pageCount").GetInt32()));
        Assert.Equal([1], MemprocTests.Json("summary", "--kpageflags", saved, "--pfn", "2..", "--json")
            .Select(sum => sum.GetProperty("pageCount").GetInt32()));
        Assert.Equal(1, MemprocTests.Memproc("summary", "self", "--kpageflags", saved).ExitCode);
        Assert.Equal(1, MemprocTests.Memproc("flags", "0", "--kpagecount", counts).ExitCode);
    }

    [Fact]
    public void Flags_are_described_without_reading_a_frame()
    {
        JsonElement set = Assert.Single(MemprocTests.Json("flags", "--describe", "0x86c", "--json"));
        Assert.Equal("0x86c", set.GetProperty("flagSet").GetString());
        Assert.Equal(["referenced", "uptodate", "lru", "active", "mmap"],
            set.GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()));
        Assert.Equal(1, MemprocTests.Memproc("flags").ExitCode);
        Assert.Equal(1, MemprocTests.Memproc("flags", "0", "--describe", "1").ExitCode);
        Assert.Contains("no page flag 'dirtt'", MemprocTests.Memproc("flags", "--describe", "dirtt").Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Cached_pages_of_a_folder_are_counted()
    {
        Requires.Root();
        using TemporaryFolder folder = new();
        folder.File("one", new byte[2 * Page.Size]);
        folder.File("two", new byte[1]);
        Assert.Equal(3, MemprocTests.Json("summary", "--file", folder.Path, "--json")
            .Sum(sum => sum.GetProperty("pageCount").GetInt32()));
    }

    [Fact]
    public void Nodes_of_pages_and_mappings_are_shown()
    {
        Assert.SkipUnless(File.Exists("/proc/self/numa_maps"), "needs CONFIG_NUMA");
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        string[] pagemap = ["pagemap", $"{target.ProcessId}", $"0x{address:x}", "--with-node"];
        int node = Assert.Single(MemprocTests.Json([.. pagemap, "--json"])).GetProperty("node").GetInt32();
        Assert.Matches($"^Address +Pfn State +Node Path\n.* {node}\n", MemprocTests.Memproc(pagemap).Output);
        string[] map = ["map", $"{target.ProcessId}", "--kind", "stack", "--numa"];
        JsonElement stack = Assert.Single(MemprocTests.Json([.. map, "--json"]));
        Assert.Equal("default", stack.GetProperty("policy").GetString());
        Assert.True(stack.GetProperty("nodeBytes").EnumerateObject().Sum(item => item.Value.GetInt64()) > 0);
        Assert.Contains("default", MemprocTests.Memproc(map).Output, StringComparison.Ordinal);
        Assert.Equal(1, MemprocTests.Memproc([.. map, "--detailed"]).ExitCode);
    }

    [Fact]
    public void Folios_of_a_process_are_shown()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        JsonElement sum = Assert.Single(MemprocTests.Json("folio", $"{target.ProcessId}", $"0x{address:x}", "--length", $"{2 * Page.Size}", "--json"));
        Assert.Equal(("anonymous", "aligned", 2), (sum.GetProperty("kind").GetString(), sum.GetProperty("mapping").GetString(),
            sum.GetProperty("pageCount").GetInt32()));
        Assert.Matches("^Start +Kind +FolioSize Mapping +Folios +Size Path\n0x",
            MemprocTests.Memproc("folio", $"{target.ProcessId}", "--by-map").Output);
    }

    [Fact]
    public void Requested_frame_details_are_shown()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        string[] pagemap = ["pagemap", $"{target.ProcessId}", $"0x{address:x}", "--count", "1"];
        JsonElement plain = Assert.Single(MemprocTests.Json([.. pagemap, "--json"]));
        Assert.Equal(JsonValueKind.Null, plain.GetProperty("mapCount").ValueKind);
        JsonElement page = Assert.Single(MemprocTests.Json([.. pagemap, "--with-map-count", "--raw", "--json"]));
        Assert.Equal(1, page.GetProperty("mapCount").GetInt32());
        Assert.Equal(JsonValueKind.Null, page.GetProperty("cgroupInode").ValueKind);
        Assert.Contains("mmap_exclusive", page.GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()));
        Assert.Matches("^Address +Pfn State +Maps Flags +Path\n.* 1 ", MemprocTests.Memproc([.. pagemap, "--with-map-count", "--raw"]).Output);
        Assert.Equal(0, Count(target, address, "--exact-flag", ""));
    }

    [Fact]
    public void The_charged_cgroup_is_shown_by_path()
    {
        Requires.Root();
        Assert.SkipUnless(File.Exists("/proc/kpagecgroup"), "needs a kernel with memory cgroups");
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        string[] pagemap = ["pagemap", $"{target.ProcessId}", $"0x{address:x}", "--count", "1", "--with-cgroup"];
        JsonElement page = Assert.Single(MemprocTests.Json([.. pagemap, "--json"]));
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using FrameTables tables = new(FrameAttributes.Cgroup);
        PageMapEntry same = Assert.Single(new PageMapWalk(process) { Frames = tables }.At(address));
        Assert.Equal(same.CgroupInode, page.GetProperty("cgroupInode").GetUInt64());
        Assert.Contains(same.CgroupPath ?? $"{same.CgroupInode}", MemprocTests.Memproc(pagemap).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_processes_share_a_file_page()
    {
        Requires.Root();
        using TargetProcess one = TargetProcess.Start();
        using TargetProcess other = TargetProcess.Start();
        using TemporaryFolder folder = new();
        string path = folder.File("page", new byte[Page.Size]);
        ulong address = Map(one);
        Map(other);
        string[] sharing = ["sharing", $"{one.ProcessId}", "--among", $"{other.ProcessId}"];
        JsonElement map = Assert.Single(MemprocTests.Json([.. sharing, "--json"]),
            item => item.GetProperty("start").GetString() == $"0x{address:x}");
        Assert.Equal((1, 0), (map.GetProperty("presentPages").GetInt32(), map.GetProperty("privatePages").GetInt32()));
        JsonElement sharer = Assert.Single(map.GetProperty("sharedWith").EnumerateArray());
        Assert.Equal(other.ProcessId, sharer.GetProperty("processId").GetInt32());
        Assert.Matches($"0x{address:x} +1 +0 .* 1 r--s .*page\n", MemprocTests.Memproc(sharing).Output);
        JsonElement sum = Assert.Single(MemprocTests.Json([.. sharing, "--summary", "--json"]));
        Assert.Equal(sum.GetProperty("rssBytes").GetInt64(), sum.GetProperty("ussBytes").GetInt64() + sum.GetProperty("sharedBytes").GetInt64());
        Assert.Contains($"with {other.ProcessId} (", MemprocTests.Memproc([.. sharing, "--summary"]).Output, StringComparison.Ordinal);
        (int exitCode, _, string errors) = MemprocTests.Memproc([.. sharing, "4194305"]);
        Assert.Equal(1, exitCode);
        Assert.Contains("4194305", errors, StringComparison.Ordinal);

        ulong Map(TargetProcess target)
        {
            ulong start = target.Ask($"file 0 {Page.Size} r-- shared {path}").Address("address");
            target.Ask($"peek {start} 1");
            return start;
        }
    }

    private static int Count(TargetProcess target, ulong address, params string[] filter) => MemprocTests.Json(
        ["pagemap", $"{target.ProcessId}", $"0x{address:x}", "--count", "1", "--json", .. filter]).Length;
}

using System.Diagnostics;
using System.Text.Json;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc walk</c> and <c>memproc vma</c> with all or some capabilities.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class MemprocKernelTests
{
    [Fact]
    public void A_walk_is_shown_level_by_level_and_as_json()
    {
        LiveKernel.Require();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        string[] walk = ["walk", $"{target.ProcessId}", $"0x{address:x}"];
        JsonElement[] entries = MemprocTests.Json([.. walk, "--json"]);
        Assert.Equal("PGD", entries[0].GetProperty("level").GetString());
        JsonElement last = entries[^1];
        Assert.Equal("PTE", last.GetProperty("level").GetString());
        JsonElement page = Assert.Single(MemprocTests.Json("pagemap", $"{target.ProcessId}", $"0x{address:x}", "--json"));
        Assert.Equal(page.GetProperty("pfn").GetUInt64(), last.GetProperty("pfn").GetUInt64());
        Assert.Equal(page.GetProperty("physicalAddress").GetString(), last.GetProperty("physicalAddress").GetString());

        (int exitCode, string output, string errors) = MemprocTests.Memproc(walk);
        Assert.Equal((0, ""), (exitCode, errors));
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith($"0x{address:x} of process {target.ProcessId} (", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("Level ", lines[1], StringComparison.Ordinal);
        Assert.Equal(entries.Select(entry => entry.GetProperty("level").GetString()),
            lines[2..].Select(line => line.Split(' ')[0]));
        Assert.Contains(entries[0].GetProperty("entry").GetString()!, lines[2], StringComparison.Ordinal);

        JsonElement[] ends = MemprocTests.Json([.. walk, "--length", "8K", "--summary", "--json"]);
        Assert.Equal([$"0x{address:x}", $"0x{address + Page.Size:x}"],
            ends.Select(end => end.GetProperty("address").GetString()));
        Assert.Equal(last.GetProperty("entry").GetString(), ends[0].GetProperty("entry").GetString());
        output = MemprocTests.Memproc([.. walk, "--summary"]).Output;
        Assert.Contains("4 KiB", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Vmas_equal_the_mappings_in_maps()
    {
        LiveKernel.Require();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        string id = $"{target.ProcessId}";
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        // The runtime of the target maps something now and then.
        using ProcessStop still = ProcessStop.Begin(process);
        Assert.Equal(
            MemprocTests.Json("map", id, "--json").Select(map => map.GetProperty("start").GetString())
                .Where(start => start != "0xffffffffff600000"),
            MemprocTests.Json("vma", id, "--json").Select(vma => vma.GetProperty("start").GetString()));
        JsonElement seed = Assert.Single(MemprocTests.Json("vma", id, "--address", $"0x{address:x}", "--json"));
        Assert.Equal($"0x{address:x}", seed.GetProperty("start").GetString());
        string kernelAddress = seed.GetProperty("kernelAddress").GetString()!;
        string output = MemprocTests.Memproc("vma", id, "--address", $"0x{address:x}", "--source", "bpf").Output;
        Assert.Contains(kernelAddress, output, StringComparison.Ordinal);
        Assert.Contains("READ,WRITE,", output, StringComparison.Ordinal);
        (int exitCode, output, string errors) = MemprocTests.Memproc("vma", id, "--address", "0x10");
        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith("memproc: ", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Frames_physical_memory_and_the_layout_agree_with_each_other()
    {
        LiveKernel.Require();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        string id = $"{target.ProcessId}";
        JsonElement last = MemprocTests.Json("walk", id, $"0x{address:x}", "--json")[^1];
        ulong pfn = last.GetProperty("pfn").GetUInt64();
        JsonElement frame = Assert.Single(MemprocTests.Json("frame", $"0x{pfn:x}", "--json"));
        Assert.Equal(("anonymous", last.GetProperty("structPageAddress").GetString()),
            (frame.GetProperty("kind").GetString(), frame.GetProperty("structPageAddress").GetString()));
        Assert.Equal(pfn, Assert.Single(MemprocTests.Json("frame", "--process", id, "--address", $"0x{address:x}", "--json"))
            .GetProperty("pfn").GetUInt64());
        Assert.Empty(MemprocTests.Json("frame", $"0x{pfn:x}", "--kind", "free", "--json"));
        Assert.Contains("Anonymous", MemprocTests.Memproc("frame", $"0x{pfn:x}").Output, StringComparison.Ordinal);

        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        byte[] bytes = new MemoryReader(process, ReadMethod.Auto).ReadExactly(address, 16);
        JsonElement block = Assert.Single(MemprocTests.Json("read-physical", "--frame", $"0x{pfn:x}", "16", "--json"));
        Assert.Equal(Convert.ToHexStringLower(bytes), block.GetProperty("bytes").GetString());
        Assert.Equal(last.GetProperty("physicalAddress").GetString(), block.GetProperty("physicalAddress").GetString());
        string dump = MemprocTests.Memproc("read-physical", last.GetProperty("physicalAddress").GetString()!, "16").Output;
        Assert.StartsWith($"0x{pfn * Page.Size:x12} ", dump, StringComparison.Ordinal);
        (int exitCode, string output, string errors) = MemprocTests.Memproc("read-physical", "0x100000000000000", "8");
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("not RAM", errors, StringComparison.Ordinal);

        JsonElement layout = Assert.Single(MemprocTests.Json("layout", "--json"));
        Assert.Equal(last.GetProperty("frameMask").GetString(), layout.GetProperty("frameMask").GetString());
        Assert.Contains(layout.GetProperty("vmemmap").GetString()!, MemprocTests.Memproc("layout").Output, StringComparison.Ordinal);

        JsonElement[] groups = MemprocTests.Json("frames", "--json");
        Assert.Contains(groups, group => group.GetProperty("name").GetString() == "Free");
        Assert.Contains("MemTotal", MemprocTests.Memproc("frames").Output, StringComparison.Ordinal);
        JsonElement one = Assert.Single(MemprocTests.Json("frames", "--pfn", $"0x{pfn:x}", "--json"));
        Assert.Equal(("Anonymous", 1UL), (one.GetProperty("name").GetString(), one.GetProperty("pageCount").GetUInt64()));
        Assert.Equal($"0x{address:x}", Assert.Single(MemprocTests.Json("map", id, "--address", $"0x{address:x}", "--next", "--json"))
            .GetProperty("start").GetString());
    }

    [Theory]
    [InlineData("", "CAP_BPF and CAP_PERFMON", "")]
    [InlineData("+bpf", "CAP_PERFMON", "CAP_BPF and")]
    [InlineData("+perfmon", "CAP_BPF", "and CAP_PERFMON")]
    [InlineData("+bpf,+perfmon", "CAP_SYS_ADMIN", "CAP_BPF")]
    public void The_message_names_the_capability_that_is_missing(
        string capabilities, string named, string notNamed)
    {
        LiveKernel.Require();
        string[] given = capabilities.Length == 0 ? [] : ["--inh-caps", capabilities, "--ambient-caps", capabilities];
        string memproc = Programs.MakeWorldReadable(Programs.Memproc);
        using TargetProcess target = TargetProcess.Start([Requires.Tool("setpriv"), .. MemprocTests.AsNobody]);
        using TargetProcess witness = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        (int exitCode, string output, string errors) = Shell.Try(Requires.Tool("setpriv"),
            [.. MemprocTests.AsNobody, .. given, Programs.MemprocHost, memproc, "walk", $"{target.ProcessId}", $"0x{address:x}"],
            out int processId);
        KernelPrograms.AssertGone(witness, processId);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains(named, errors, StringComparison.Ordinal);
        Assert.DoesNotContain(notNamed.Length == 0 ? "Unhandled" : notNamed, errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "CAP_BPF and CAP_PERFMON", "frame", "0x1000")]
    [InlineData("", "CAP_BPF and CAP_PERFMON", "frames")]
    [InlineData("", "CAP_BPF and CAP_PERFMON", "layout")]
    [InlineData("+bpf,+perfmon", "CAP_SYS_ADMIN", "frame", "0x1000")]
    [InlineData("+bpf,+perfmon", "CAP_SYS_ADMIN", "frames")]
    [InlineData("+bpf,+perfmon", "CAP_SYS_ADMIN", "layout")]
    [InlineData("+bpf,+perfmon", "CAP_SYS_ADMIN", "read-physical", "0x1000000", "16")]
    public void Frames_name_the_capability_that_is_missing(string capabilities, string named, params string[] command)
    {
        LiveKernel.Require();
        string[] given = capabilities.Length == 0 ? [] : ["--inh-caps", capabilities, "--ambient-caps", capabilities];
        (int exitCode, string output, string errors) = Shell.Try(Requires.Tool("setpriv"),
            [.. MemprocTests.AsNobody, .. given, Programs.MemprocHost, Programs.MakeWorldReadable(Programs.Memproc), .. command]);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains(named, errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Vmas_need_no_frame_numbers_and_only_the_bpf_capabilities()
    {
        LiveKernel.Require();
        const string Capabilities = "+bpf,+perfmon";
        string memproc = Programs.MakeWorldReadable(Programs.Memproc);
        using TargetProcess target = TargetProcess.Start([Requires.Tool("setpriv"), .. MemprocTests.AsNobody]);
        using TargetProcess witness = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        // The runtime of the target maps something now and then.
        using ProcessStop still = ProcessStop.Begin(process);
        (int exitCode, string output, string errors) = Shell.Try(Requires.Tool("setpriv"), [.. MemprocTests.AsNobody,
            "--inh-caps", Capabilities, "--ambient-caps", Capabilities, Programs.MemprocHost, memproc, "vma",
            $"{target.ProcessId}", "--json"], out int processId);
        KernelPrograms.AssertGone(witness, processId);
        Assert.Equal((0, ""), (exitCode, errors));
        Assert.Equal(MemprocTests.Json("vma", $"{target.ProcessId}", "--json").Length,
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void A_process_of_another_user_is_rejected_before_kernel_memory_is_opened()
    {
        LiveKernel.Require();
        const string Capabilities = "+bpf,+perfmon";
        using TargetProcess target = TargetProcess.Start();
        (int exitCode, string output, string errors) = Shell.Try(Requires.Tool("setpriv"), [.. MemprocTests.AsNobody,
            "--inh-caps", Capabilities, "--ambient-caps", Capabilities, Programs.MemprocHost,
            Programs.MakeWorldReadable(Programs.Memproc), "vma", $"{target.ProcessId}"]);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("CAP_SYS_PTRACE", errors, StringComparison.Ordinal);
        // A source that cannot be opened is not tried.
        using SimulatedProcess simulated = new();
        using LinuxProcess process = simulated.Open();
        Assert.Equal("ReadMemory,ENOENT", Assert.Throws<MemProcException>(
            () => new KernelVmaReader(KernelReadSource.Kcore, simulated.Files).Read(process)).ErrorId);
    }

    [Fact]
    public void A_hundred_thousand_walks_stream_with_a_limited_heap()
    {
        LiveKernel.Require();
        const int Pages = 100_000;
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Pages * Page.Size} rw- private").Address("address");
        target.Ask($"advise {address} {Pages * Page.Size} 15");
        target.Ask($"touch {address} {Pages}");
        ProcessStartInfo start = new(Programs.MemprocHost, [Programs.Memproc, "walk", $"{target.ProcessId}", $"0x{address:x}",
            "--length", $"{Pages * Page.Size}", "--summary", "--json"])
        {
            RedirectStandardOutput = true,
        };
        // In hexadecimal bytes: 16 MiB, about 160 bytes per walk.
        start.Environment["DOTNET_GCHeapHardLimit"] = "1000000";
        using Process memproc = Process.Start(start)!;
        int walks = 0;
        while (memproc.StandardOutput.ReadLine() is string line)
        {
            walks += line.Contains("\"isPresent\":true", StringComparison.Ordinal) ? 1 : 0;
        }

        memproc.WaitForExit();
        Assert.Equal((0, Pages), (memproc.ExitCode, walks));
    }

    [Fact]
    public void Each_kernel_read_source_returns_the_same_result()
    {
        LiveKernel.Require();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        List<ulong?> frames = [];
        foreach (KernelReadSource source in Enum.GetValues<KernelReadSource>())
        {
            try
            {
                using PageTableReader reader = new(source);
                frames.Add(reader.Walk(process, address).Pfn);
            }
            catch (MemProcException error) when (source is KernelReadSource.BpfTracepoint or KernelReadSource.Kcore)
            {
                Assert.Equal(Operation.ReadKernelMemory, error.Operation);
                Assert.Contains(error.Errno, new[] { Errno.EOPNOTSUPP, Errno.EPERM });
            }
        }

        Assert.InRange(frames.Count, 2, 4);
        Assert.Single(frames.Distinct());
    }

    [Theory]
    [InlineData("walk", "1")]
    [InlineData("walk", "1", "0x1000", "--length", "0")]
    [InlineData("walk", "1", "0x1000", "--source", "module")]
    [InlineData("vma", "1", "--address", "nowhere")]
    public void Invalid_arguments_are_rejected(params string[] arguments)
    {
        (int exitCode, string output, string errors) = MemprocTests.Memproc(arguments);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith("memproc: ", errors, StringComparison.Ordinal);
    }
}

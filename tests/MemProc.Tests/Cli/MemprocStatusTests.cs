using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc status</c>.</summary>
public sealed class MemprocStatusTests
{
    [Fact]
    public void Headroom_shows_limits()
    {
        using TargetProcess target = TargetProcess.Start();
        string[] status = ["status", $"{target.ProcessId}", "--headroom"];
        JsonElement headroom = Assert.Single(MemprocTests.Json([.. status, "--json"]));
        Assert.Equal(File.ReadAllText("/proc/sys/vm/max_map_count").Trim(), headroom.GetProperty("maxMapCount").GetRawText());
        Assert.True(headroom.GetProperty("mapCount").GetInt32() > 50);
        Assert.Matches(@"\nMappings +\d+ of \d+\n", MemprocTests.Memproc(status).Output);
        Assert.Equal(1, MemprocTests.Memproc([.. status, "--detailed"]).ExitCode);
    }

    [Theory]
    [InlineData("rss", "vmRssBytes")]
    [InlineData("uss", "ussBytes")]
    public void Top_shows_the_largest_processes_first(string counter, string property)
    {
        (int exitCode, string output, _) = MemprocTests.Memproc("top", "3", "--by", counter, "--json");
        Assert.Equal(0, exitCode);
        long[] sizes = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty(property).GetInt64())];
        Assert.InRange(sizes.Length, 1, 3);
        Assert.Equal(sizes.OrderDescending(), sizes);
        Assert.Equal(1, MemprocTests.Memproc("top", "0").ExitCode);
    }

    [Fact]
    public void Counters_are_readable_sizes_in_text_and_bytes_in_json()
    {
        using TargetProcess target = TargetProcess.Start();
        string id = $"{target.ProcessId}";
        (int exitCode, string output, string errors) = MemprocTests.Memproc("status", id);
        Assert.Equal((0, ""), (exitCode, errors));
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith($"Process {id} (dotnet), ", lines[0], StringComparison.Ordinal);
        Assert.Matches(@"^VmRSS +[0-9.]+ MiB$", lines.Single(line => line.StartsWith("VmRSS", StringComparison.Ordinal)));
        Assert.DoesNotContain("Pss", output, StringComparison.Ordinal);

        JsonElement status = Assert.Single(MemprocTests.Json("status", id, "--json"));
        Assert.Equal(target.ProcessId, status.GetProperty("processId").GetInt32());
        Assert.Equal(status.GetProperty("counters").GetProperty("VmStk").GetInt64(),
            status.GetProperty("vmStkBytes").GetInt64());
        Assert.False(status.TryGetProperty("pssBytes", out _));
    }

    [Fact]
    public void Pages_sum_memory_without_the_kernels_sums()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        string[] command = ["status", $"{target.ProcessId}", "--detailed", "--method", "pages"];
        string output = MemprocTests.Memproc(command).Output;
        Assert.Matches(@"(?m)^Uss +[0-9.]+ [KM]iB$", output);
        Assert.Matches(@"(?m)^MaxLock +\d+ µs$", output);
        JsonElement status = Assert.Single(MemprocTests.Json([.. command, "--json"]));
        Assert.True(status.GetProperty("pssBytes").GetInt64() >= status.GetProperty("ussBytes").GetInt64());
        Assert.True(status.GetProperty("maxLockMicroseconds").GetDouble() > 0);
        Assert.Equal(1, MemprocTests.Memproc("status", $"{target.ProcessId}", "--method", "pages").ExitCode);
    }

    [Fact]
    public void Detail_adds_shared_and_private_memory()
    {
        using TargetProcess target = TargetProcess.Start();
        string id = $"{target.ProcessId}";
        string output = MemprocTests.Memproc("status", id, "--detailed").Output;
        Assert.Matches(@"(?m)^Pss_Anon +[0-9.]+ [KM]iB$", output);
        Assert.Matches(@"(?m)^Uss +[0-9.]+ [KM]iB$", output);
        JsonElement status = Assert.Single(MemprocTests.Json("status", id, "--detailed", "--json"));
        Assert.Equal(status.GetProperty("ussBytes").GetInt64(),
            status.GetProperty("privateCleanBytes").GetInt64() + status.GetProperty("privateDirtyBytes").GetInt64());
        Assert.True(status.GetProperty("vmRssBytes").GetInt64() > 0);
    }

    [Fact]
    public void Another_users_process_has_a_status_but_no_detail()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        string[] start = [.. MemprocTests.AsNobody, Programs.MemprocHost, Programs.MakeWorldReadable(Programs.Memproc), "status",
            $"{target.ProcessId}"];
        (int exitCode, string output, string errors) = Shell.Try(Requires.Tool("setpriv"), start);
        Assert.Equal((0, ""), (exitCode, errors));
        Assert.Contains("VmRSS", output, StringComparison.Ordinal);
        (exitCode, output, errors) = Shell.Try(Requires.Tool("setpriv"), [.. start, "--detailed"]);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("CAP_SYS_PTRACE", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_process_that_does_not_exist_is_reported()
    {
        (int exitCode, string output, string errors) = MemprocTests.Memproc("status", "4194305");
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("does not exist", errors, StringComparison.Ordinal);
    }
}

using System.Diagnostics;
using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests the command line with text and JSON output.</summary>
public sealed class MemprocTests
{
    internal static readonly string[] AsNobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];

    [Fact]
    public void The_first_command_of_the_readme_shows_a_live_process()
    {
        (int exitCode, string output, string errors) = Memproc("map", "self");
        Assert.Equal((0, ""), (exitCode, errors));
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("Start ", lines[0], StringComparison.Ordinal);
        Assert.Contains(lines, line => line.EndsWith("[stack]", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains(" r-xp /", StringComparison.Ordinal));
    }

    [Fact]
    public void Json_maps_equal_the_maps_of_the_process()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        JsonElement map = Assert.Single(Json("map", $"{target.ProcessId}", "--address", $"0x{address:x}", "--json"));
        Assert.Equal($"0x{address:x}", map.GetProperty("start").GetString());
        Assert.Equal(8192, map.GetProperty("sizeBytes").GetInt64());
        Assert.Equal("rw-p", map.GetProperty("permissions").GetString());
    }

    [Fact]
    public void Each_mapping_is_a_line()
    {
        // A sleeping program does not change its mappings.
        using Process sleep = Process.Start(Requires.Tool("sleep"), "60");
        try
        {
            SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{sleep.Id}/maps").Contains("libc", StringComparison.Ordinal), 10_000);
            Assert.Equal(File.ReadLines($"/proc/{sleep.Id}/maps").Select(line => $"0x{line.Split('-')[0].TrimStart('0')}"),
                Json("map", $"{sleep.Id}", "--json").Select(map => map.GetProperty("start").GetString()));
        }
        finally
        {
            sleep.Kill();
            sleep.WaitForExit();
        }
    }

    [Fact]
    public void Memory_is_read_as_a_dump_as_text_and_as_numbers()
    {
        using TargetProcess target = TargetProcess.Start();
        TargetReply garlic = target.Ask("garlic");
        string text = $"0x{garlic.Address("text"):x}", pointer = $"0x{garlic.Address("pointer"):x}";
        string id = $"{target.ProcessId}";
        Assert.Contains("67 61 72 6c 69 63 00", Memproc("read", id, text, "16").Output, StringComparison.Ordinal);
        Assert.Equal("garlic\n", Memproc("read", id, text, "16", "--text").Output);
        Assert.EndsWith($" {text}\n", Memproc("read", id, pointer, "--type", "pointer").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_write_needs_confirmation_and_has_a_dry_run()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("garlic").Address("text");
        string[] write = ["write", $"{target.ProcessId}", $"0x{address:x}", "--bytes", "68 65 6c 6c 6f 00"];
        (int exitCode, _, string errors) = Memproc(write);
        Assert.Equal(1, exitCode);
        Assert.Contains("--yes", errors, StringComparison.Ordinal);

        (exitCode, string output, _) = Memproc([.. write, "--dry-run"]);
        Assert.Equal(0, exitCode);
        Assert.Contains("67 61 72 6c 69 63 |garlic| becomes 68 65 6c 6c 6f 00 |hello.|", output, StringComparison.Ordinal);
        Assert.Equal("garlic", target.Ask($"say {address}").Text("text"));

        Assert.Equal(0, Memproc([.. write, "--yes", "--verify", "--expected", "67 61 72"]).ExitCode);
        Assert.Equal("hello", target.Ask($"say {address}").Text("text"));
        Assert.Equal(1, Memproc([.. write, "--yes", "--expected", "67 61 72"]).ExitCode);
    }

    [Fact]
    public void Pages_and_their_frames_are_shown()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        JsonElement[] pages = Json("pagemap", $"{target.ProcessId}", $"0x{address:x}", "--count", "2", "--json");
        Assert.Equal(2, pages.Length);
        ulong pfn = pages[0].GetProperty("pfn").GetUInt64();
        JsonElement frame = Assert.Single(Json("flags", $"{pfn}", "--json"));
        Assert.Contains("anonymous", frame.GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()));
        JsonElement owner = Assert.Single(Json("find-pfn", $"{pfn}", "--id", $"{target.ProcessId}", "--json"));
        Assert.Equal($"0x{address:x}", owner.GetProperty("address").GetString());
    }

    [Fact]
    public void All_processes_are_searched_for_the_vdso_frame()
    {
        Requires.Root();
        // A separate pid namespace, so that only processes of this test are searched.
        string memproc = $"{Programs.MemprocHost} {Programs.Memproc}";
        string output = Shell.Run(Requires.Tool("unshare"), "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", $"""
            sleep 60 & first=$!
            sleep 60 & second=$!
            address=$({memproc} map $first --kind vdso --json | sed 's/.*"start":"\([^"]*\)".*/\1/')
            pfn=$({memproc} pagemap $first $address --json | sed 's/.*"pfn":\([0-9]*\).*/\1/')
            echo "$first $second $$"
            {memproc} find-pfn $pfn --json
            kill $first $second
            """);
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        int[] owners = [.. lines[1..].Select(line =>
            JsonDocument.Parse(line).RootElement.GetProperty("processId").GetInt32()).Order()];
        Assert.All(lines[0].Split(' ').Select(int.Parse), started => Assert.Contains(started, owners));
        // The process of memproc itself is found too; only memproc knows its id.
        Assert.Equal(4, owners.Length);
    }

    [Fact]
    public void Another_users_process_is_denied_and_own_frames_are_hidden()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        string memproc = Programs.MakeWorldReadable(Programs.Memproc);
        (int exitCode, string output, string errors) = Shell.Try(Requires.Tool("setpriv"),
            [.. AsNobody, Programs.MemprocHost, memproc, "map", $"{target.ProcessId}"]);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("CAP_SYS_PTRACE", errors, StringComparison.Ordinal);

        (exitCode, output, errors) = Shell.Try(Requires.Tool("setpriv"),
            [.. AsNobody, Programs.MemprocHost, memproc, "pagemap", "self", "--run", "--json"]);
        Assert.Equal(0, exitCode);
        JsonElement[] runs = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Contains(runs, run => run.GetProperty("isPresent").GetBoolean());
        Assert.All(runs, run => Assert.Equal(JsonValueKind.Null, run.GetProperty("pfn").ValueKind));
        Assert.Single(errors.Split('\n'), line => line.Contains("CAP_SYS_ADMIN", StringComparison.Ordinal));

        (exitCode, _, errors) = Shell.Try(Requires.Tool("setpriv"), [.. AsNobody, Programs.MemprocHost, memproc, "flags", "1"]);
        Assert.Equal(1, exitCode);
        Assert.Contains("root", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_process_hidden_by_hidepid_is_reported_as_existing()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        // In a separate mount namespace: no other /proc changes.
        (int exitCode, _, string errors) = Shell.Try(Requires.Tool("unshare"), ["--mount", "/bin/sh", "-c", $"""
            mount -t proc -o hidepid=2 proc /proc || exit 77
            exec {Requires.Tool("setpriv")} {string.Join(' ', AsNobody)} \
                {Programs.MemprocHost} {Programs.MakeWorldReadable(Programs.Memproc)} map {target.ProcessId}
            """]);
        Assert.SkipWhen(exitCode == 77, "needs a /proc that can be mounted with hidepid");
        Assert.Equal(1, exitCode);
        Assert.Contains("hidepid", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("map", "0")]
    [InlineData("map", "nobody")]
    [InlineData("map", "4194305")]
    [InlineData("map", "self", "--permission", "xwr")]
    [InlineData("read", "self", "0x10", "16")]
    [InlineData("read", "self", "0xffff800000000000", "16")]
    [InlineData("read", "self", "0x1000", "0")]
    [InlineData("read", "self", "-5", "16")]
    [InlineData("pagemap", "self", "0x10")]
    [InlineData("frobnicate")]
    public void Errors_go_to_stderr_with_exit_code_1(params string[] arguments)
    {
        (int exitCode, string output, string errors) = Memproc(arguments);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith("memproc: ", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--text", "search", "{pid}", "added")]
    [InlineData("--force", "write", "{pid}", "{address}", "--bytes", "00", "--yes")]
    [InlineData("pgrep", "map", "nobody")]
    public void The_option_that_helps_is_named(string option, params string[] arguments)
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} r-- private").Address("address");
        (int exitCode, _, string errors) = Memproc([.. arguments.Select(argument => argument
            .Replace("{pid}", $"{target.ProcessId}", StringComparison.Ordinal)
            .Replace("{address}", $"0x{address:x}", StringComparison.Ordinal))]);
        Assert.Equal(1, exitCode);
        Assert.Contains(option, errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Control_characters_in_process_names_are_escaped()
    {
        using TemporaryFolder folder = new();
        folder.File("red\e[31m", new byte[Page.Size]);
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"file 0 {Page.Size} r-- private {folder.Path}/red\\e[31m").Address("address");
        foreach (string[] form in new string[][] { [], ["--json"] })
        {
            string output = Memproc(["map", $"{target.ProcessId}", "--address", $"0x{address:x}", .. form]).Output;
            Assert.Contains("red", output, StringComparison.Ordinal);
            Assert.DoesNotContain('\e', output);
        }
    }

    [Fact]
    public void The_version_equals_the_manifest_version()
    {
        string version = Memproc("--version").Output.Trim();
        Assert.Equal(typeof(LinuxProcess).Assembly.GetName().Version!.ToString(3), version);
    }

    internal static (int ExitCode, string Output, string Errors) Memproc(params string[] arguments) =>
        Shell.Try(Programs.MemprocHost, [Programs.Memproc, .. arguments]);

    internal static JsonElement[] Json(params string[] arguments)
    {
        (int exitCode, string output, string errors) = Memproc(arguments);
        Assert.Equal((0, ""), (exitCode, errors));
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)];
    }
}

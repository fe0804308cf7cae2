using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc workingset</c>, <c>idle</c> and <c>clear-soft-dirty</c>.</summary>
public sealed class MemprocWorkingSetTests
{
    private const string IdleBitmap = "/sys/kernel/mm/page_idle/bitmap";

    [Fact]
    public void Advice_is_shown_first_and_given_after_confirmation()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        string[] advise = ["advise", $"{target.ProcessId}", $"0x{address:x}", "--length", $"{2 * Page.Size}", "--cold"];
        (int exitCode, string said, _) = MemprocTests.Memproc([.. advise, "--dry-run"]);
        Assert.Equal(0, exitCode);
        Assert.Contains("in 1 mapping at", said, StringComparison.Ordinal);
        Assert.EndsWith("in swap: nothing was done.\n", said, StringComparison.Ordinal);
        JsonElement result = Assert.Single(MemprocTests.Json([.. advise, "--yes", "--json"]));
        Assert.Equal("cold", result.GetProperty("advice").GetString());
        Assert.Equal((int)(2 * Page.Size), result.GetProperty("advisedBytes").GetInt32());
        Assert.Equal(result.GetProperty("residentBytesBefore").GetInt32(), result.GetProperty("residentBytesAfter").GetInt32());
        Assert.Contains("Specify one of --page-out", MemprocTests.Memproc("advise", "self", "--yes").Errors, StringComparison.Ordinal);
        Assert.Contains("Specify one of --page-out",
            MemprocTests.Memproc("advise", "self", "--cold", "--collapse", "--yes").Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_are_dropped_from_the_page_cache()
    {
        using CachedFile file = new(3);
        file.KeepOnly(0, 1);
        (int exitCode, string said, _) = MemprocTests.Memproc("drop-file", file.FilePath, "--dry-run");
        Assert.Equal(0, exitCode);
        Assert.Contains($"Drop {HumanSize.Format(2 * Page.Size)} of {file.FilePath}", said, StringComparison.Ordinal);
        Assert.Equal([0, 1], file.Resident());
        JsonElement clear = Assert.Single(MemprocTests.Json("drop-file", file.FilePath, "--yes", "--json"));
        Assert.Equal(((int)(2 * Page.Size), 0),
            (clear.GetProperty("residentBytesBefore").GetInt32(), clear.GetProperty("residentBytesAfter").GetInt32()));
        Assert.Empty(file.Resident());
    }

    [Fact]
    public void A_working_set_is_shown_by_mapping_and_in_total()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        target.Ask($"advise {address} {4 * Page.Size} 15");
        target.Ask($"touch {address} 4");
        string[] command = ["workingset", $"{target.ProcessId}", "--seconds", "0", "--method", "referenced"];
        (int exitCode, string output, string errors) = Memproc([.. command, "--json"]);
        Assert.Equal((0, ""), (exitCode, errors));
        JsonElement[] sets = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)];
        JsonElement set = sets.Single(set => set.GetProperty("start").GetString() == $"0x{address:x}");
        Assert.Equal((4 * Page.Size, 0UL, "referenced", "rw-p"), (set.GetProperty("rssBytes").GetUInt64(),
            set.GetProperty("referencedBytes").GetUInt64(), set.GetProperty("method").GetString(),
            set.GetProperty("permissions").GetString()));
        Assert.Equal(JsonValueKind.Null, set.GetProperty("untrackedBytes").ValueKind);

        (exitCode, output, errors) = Memproc(command);
        Assert.Equal((0, ""), (exitCode, errors));
        Assert.Contains(output.Split('\n'), line => line.StartsWith($"0x{address:x} ", StringComparison.Ordinal)
            && line.Contains($" {HumanSize.Format(4 * Page.Size)}        0 B        0 B        0 B          - rw-p", StringComparison.Ordinal));
        (exitCode, output, errors) = Memproc([.. command, "--summary"]);
        Assert.Equal((0, ""), (exitCode, errors));
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Matches($@"^ *{target.ProcessId} referenced +0\.\d ", lines[1]);
    }

    [Fact]
    public void A_missing_kernel_feature_is_reported_and_the_other_method_is_used()
    {
        Assert.SkipWhen(File.Exists(IdleBitmap), "needs a kernel without an idle bitmap");
        using TargetProcess target = TargetProcess.Start();
        string id = $"{target.ProcessId}";
        (int exitCode, string output, string errors) = Memproc("workingset", id, "--seconds", "0", "--summary");
        Assert.Equal(0, exitCode);
        Assert.Contains(" referenced ", output, StringComparison.Ordinal);
        Assert.Contains("CONFIG_IDLE_PAGE_TRACKING", errors, StringComparison.Ordinal);
        (exitCode, output, errors) = Memproc("workingset", id, "--seconds", "0", "--method", "idle");
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("CONFIG_IDLE_PAGE_TRACKING", errors, StringComparison.Ordinal);
        (exitCode, output, errors) = Memproc("idle", id);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("CONFIG_IDLE_PAGE_TRACKING", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Idle_marks_pages_and_shows_their_number()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        target.Ask($"advise {address} {4 * Page.Size} 15");
        target.Ask($"touch {address} 4");
        AwaitLruLists(target, address, 3);
        // A regular file simulates the bitmap, in a separate mount namespace.
        string memproc = $"{Programs.MemprocHost} {Programs.Memproc}";
        (int exitCode, string output, _) = Shell.Try(Requires.Tool("unshare"), ["--mount", "/bin/sh", "-c", $"""
            mount -t tmpfs none /sys/kernel/mm && mkdir /sys/kernel/mm/page_idle && truncate -s 64M {IdleBitmap} || exit 77
            {memproc} idle {target.ProcessId} 0x{address:x} --length 8193
            {memproc} workingset {target.ProcessId} --seconds 0 --summary --json
            """]);
        Assert.SkipWhen(exitCode == 77, "needs to mount in a separate namespace");
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Matches("^ *Pages +Idle +Touched +Unmarkable$", lines[0]);
        Assert.Matches("^ *3 +3 +0 +0$", lines[1]);
        JsonElement sum = JsonDocument.Parse(lines[2]).RootElement;
        Assert.Equal("idle", sum.GetProperty("method").GetString());
        Assert.True(sum.GetProperty("untrackedBytes").GetUInt64() < sum.GetProperty("rssBytes").GetUInt64());
    }

    /// <summary>
    /// Waits until pages are on the LRU lists: a processor puts its new pages there in batches, and before that the kernel
    /// does not mark them as idle. The target fills the batches with other pages.
    /// </summary>
    private static void AwaitLruLists(TargetProcess target, ulong address, int count)
    {
        const ulong Others = 64;
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using FrameTables tables = new(FrameAttributes.Flags);
        ulong[] pfns = [.. new PageMapWalk(process).Range(address, (ulong)count * Page.Size).Select(page => page.Pfn!.Value)];
        for (int tries = 0; !tables.Read(pfns, raw: false).All(frame => frame!.Flags.Contains("lru")); tries++)
        {
            Assert.InRange(tries, 0, 100);
            ulong other = target.Ask($"map {Others * Page.Size} rw- private").Address("address");
            target.Ask($"touch {other} {Others}");
        }
    }

    [Fact]
    public void Soft_dirty_bits_are_cleared_or_reported_as_unsupported()
    {
        using TargetProcess target = TargetProcess.Start();
        (int exitCode, string output, string errors) = Memproc("clear-soft-dirty", $"{target.ProcessId}");
        if (SoftDirtyProbe.IsSupported(KernelFiles.Default))
        {
            Assert.Equal((0, ""), (exitCode, errors));
            Assert.Contains($"{target.ProcessId}", output, StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal((1, ""), (exitCode, output));
            Assert.Contains("CONFIG_MEM_SOFT_DIRTY", errors, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("workingset", "self", "--seconds", "-1")]
    [InlineData("workingset", "self", "--seconds", "1e9")]
    [InlineData("workingset", "self", "--method", "magic")]
    [InlineData("workingset", "4194305")]
    [InlineData("idle", "self", "--length", "4096")]
    [InlineData("clear-soft-dirty", "nobody")]
    public void Invalid_arguments_are_rejected(params string[] arguments)
    {
        (int exitCode, string output, string errors) = Memproc(arguments);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith("memproc: ", errors, StringComparison.Ordinal);
    }

    private static (int ExitCode, string Output, string Errors) Memproc(params string[] arguments) =>
        Shell.Try(Programs.MemprocHost, [Programs.Memproc, .. arguments]);
}

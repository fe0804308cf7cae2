using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc file</c> with text and JSON output.</summary>
public sealed class MemprocFileTests
{
    private static readonly string[] AsNobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];

    [Fact]
    public void Pages_are_selected_by_range_and_flags_and_joined()
    {
        Requires.Root();
        using CachedFile file = new(10);
        file.KeepOnly(1, 4, 5, 9);
        Assert.Equal([4, 5], MemprocTests.Json("file", file.FilePath, "--offset", $"{4 * Page.Size}", "--length", $"{2 * Page.Size}", "--json")
            .Select(page => page.GetProperty("pageIndex").GetInt32()));
        Assert.Equal(4, MemprocTests.Json("file", file.FilePath, "--flag", "uptodate", "--json").Length);
        Assert.Empty(MemprocTests.Json("file", file.FilePath, "--flag", "anon", "--json"));
        JsonElement[] runs = MemprocTests.Json("file", file.FilePath, "--all", "--run", "--json");
        Assert.Equal(10, runs.Sum(run => run.GetProperty("pageCount").GetInt32()));
        Assert.Equal((2, 2), (runs[2].GetProperty("pageIndex").GetInt32(), runs[2].GetProperty("pageCount").GetInt32()));
        Assert.Matches("^ +Page +Pages +Offset ", MemprocTests.Memproc("file", file.FilePath, "--run").Output);
        Assert.Equal(1, MemprocTests.Memproc("file", file.FilePath, "--summary", "--run").ExitCode);
        Assert.Equal(1, MemprocTests.Memproc("file", file.FilePath, "--flag", "dirtt").ExitCode);
    }

    [Fact]
    public void Each_page_in_memory_is_a_line()
    {
        using CachedFile file = new(9, rest: 1);
        file.KeepOnly(1, 2, 9);
        string[] lines = Lines("file", file.FilePath);
        Assert.StartsWith("      Page         Offset State", lines[0], StringComparison.Ordinal);
        Assert.Equal(["1", "2", "9"], lines[1..].Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0]));
        Assert.All(lines[1..], line => Assert.EndsWith(file.FilePath, line, StringComparison.Ordinal));
        JsonElement[] pages = Json("file", file.FilePath, "--all");
        Assert.Equal(Enumerable.Range(0, 10), pages.Select(page => page.GetProperty("pageIndex").GetInt32()));
        Assert.Equal([1, 2, 9], pages.Index().Where(page => page.Item.GetProperty("isResident").GetBoolean())
            .Select(page => page.Index));
        Assert.Equal([1, 2, 9], file.Resident());
    }

    [Fact]
    public void Summary_includes_files_in_folders()
    {
        using CachedFile file = new(9, rest: 1);
        file.KeepOnly(1, 2, 9);
        JsonElement sum = Assert.Single(
            Json("file", Path.GetDirectoryName(file.FilePath)!, "--recurse", "--summary"));
        Assert.Equal(file.FilePath, sum.GetProperty("path").GetString());
        Assert.Equal((10, 3, 2), (sum.GetProperty("pageCount").GetInt32(), sum.GetProperty("residentPages").GetInt32(),
            sum.GetProperty("runCount").GetInt32()));
        string size = HumanSize.Format(3 * Page.Size);
        Assert.StartsWith($"{size,10} ", Lines("file", file.FilePath, "--summary")[1], StringComparison.Ordinal);
        Assert.Contains("   30       2 ", Lines("file", file.FilePath, "--summary")[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Flags_are_shown_with_the_frames()
    {
        Requires.Root();
        using CachedFile file = new(2);
        JsonElement[] pages = Json("file", file.FilePath, "--flags");
        Assert.Equal(2, pages.Length);
        Assert.All(pages, page =>
        {
            Assert.Contains("uptodate", page.GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()));
            Assert.StartsWith("0x", page.GetProperty("rawFlags").GetString(), StringComparison.Ordinal);
            Assert.Equal(0, page.GetProperty("mapCount").GetInt32());
            Assert.Equal(page.GetProperty("pfn").GetUInt64() * Page.Size,
                Convert.ToUInt64(page.GetProperty("physicalAddress").GetString(), 16));
        });
        // The fourth letter is the flag uptodate.
        Assert.Matches(" resident +0x[0-9a-f]+ +0 [^ ]{3}U[^ ]{40,} ", Lines("file", file.FilePath, "--flags")[1]);
    }

    [Fact]
    public void A_file_that_cannot_be_read_does_not_stop_the_others()
    {
        using CachedFile file = new(1);
        (int exitCode, string output, string errors) = Memproc("file", "/no-such-file", file.FilePath, "/proc", "--summary");
        Assert.Equal(1, exitCode);
        Assert.EndsWith($" {file.FilePath}\n", output, StringComparison.Ordinal);
        Assert.Equal(
            ["memproc: /no-such-file: No such file or directory (ENOENT).",
                "memproc: /proc is a folder. To include the files in it, search recursively."],
            errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        (exitCode, _, errors) = Memproc("file", file.FilePath, "--summary", "--all");
        Assert.Equal(1, exitCode);
        Assert.Contains("--summary cannot be combined", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Residency_that_the_kernel_hides_is_unknown_and_no_page_is_faulted_in()
    {
        Requires.Root();
        using CachedFile file = new(4);
        file.KeepOnly(1);
        string memproc = Programs.MakeWorldReadable(Programs.Memproc);
        (int ExitCode, string Output, string Errors) Nobody(params string[] arguments) => Shell.Try(
            Requires.Tool("setpriv"), [.. AsNobody, Programs.MemprocHost, memproc, "file", file.FilePath, .. arguments]);
        (int exitCode, string output, string errors) = Nobody("--summary", "--json");
        Assert.Equal(0, exitCode);
        JsonElement sum = JsonDocument.Parse(output).RootElement;
        Assert.Equal(4, sum.GetProperty("pageCount").GetInt32());
        Assert.Equal(JsonValueKind.Null, sum.GetProperty("residentPages").ValueKind);
        Assert.Equal(JsonValueKind.Null, sum.GetProperty("dirtyPages").ValueKind);
        Assert.Single(errors.Split('\n'), line => line.Contains("CAP_FOWNER", StringComparison.Ordinal));
        Assert.Contains("   unknown ", Nobody("--summary").Output, StringComparison.Ordinal);

        (exitCode, output, errors) = Nobody();
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("CAP_FOWNER", errors, StringComparison.Ordinal);
        (exitCode, output, errors) = Nobody("--all");
        Assert.Equal((0, 4), (exitCode, output.Split('\n').Count(line => line.Contains(" unknown ", StringComparison.Ordinal))));
        Assert.Single(errors.Split('\n'), line => line.Contains("CAP_FOWNER", StringComparison.Ordinal));
        Assert.Equal([1], file.Resident());

        // A user with write access gets the residency, but the frames stay hidden.
        File.SetUnixFileMode(file.FilePath, (UnixFileMode)0b110_110_110);
        (exitCode, output, errors) = Nobody("--json");
        Assert.Equal(0, exitCode);
        JsonElement page = JsonDocument.Parse(output).RootElement;
        Assert.Equal((1, true, true), (page.GetProperty("pageIndex").GetInt32(),
            page.GetProperty("isResident").GetBoolean(), page.GetProperty("isPfnHidden").GetBoolean()));
        Assert.Equal(JsonValueKind.Null, page.GetProperty("pfn").ValueKind);
        Assert.Single(errors.Split('\n'), line => line.Contains("CAP_SYS_ADMIN", StringComparison.Ordinal));
        Assert.Equal([1], file.Resident());
    }

    [Fact]
    public void Hugetlb_files_are_rejected()
    {
        Requires.Root();
        using TemporaryFolder folder = new();
        // A separate mount namespace, which removes the mount at its end. Setting the size needs no huge page.
        (int exitCode, string output, string errors) = Shell.Try(Requires.Tool("unshare"), ["--mount", "/bin/sh", "-c", $"""
            mount -t hugetlbfs none {folder.Path} || exit 77
            : > {folder.Path}/file && truncate -s 1G {folder.Path}/file || exit 77
            exec {Programs.MemprocHost} {Programs.Memproc} file {folder.Path}/file --summary
            """]);
        Assert.SkipWhen(exitCode == 77, $"needs a hugetlbfs that can be mounted: {errors}");
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("hugetlb", errors, StringComparison.Ordinal);
    }

    private static string[] Lines(params string[] arguments)
    {
        (int exitCode, string output, string errors) = Memproc(arguments);
        // Without root, frames are hidden, with a warning.
        Assert.Equal((0, Environment.IsPrivilegedProcess ? "" : errors), (exitCode, errors));
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static JsonElement[] Json(params string[] arguments) =>
        [.. Lines([.. arguments, "--json"]).Select(line => JsonDocument.Parse(line).RootElement)];

    private static (int ExitCode, string Output, string Errors) Memproc(params string[] arguments) =>
        Shell.Try(Programs.MemprocHost, [Programs.Memproc, .. arguments]);
}

using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc save</c> with text and JSON output.</summary>
public sealed class MemprocSaveTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TargetProcess _target = TargetProcess.Start();

    /// <inheritdoc/>
    public void Dispose()
    {
        _target.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_core_is_saved_into_an_existing_folder()
    {
        (int exitCode, string output, string errors) = Memproc("save", $"{_target.ProcessId}", _folder.Path, "--stop");
        Assert.True(exitCode == 0, errors);
        string core = Path.Combine(_folder.Path, $"core.{_target.ProcessId}");
        Assert.Contains($"threads of process {_target.ProcessId} (dotnet) to {core}.", output, StringComparison.Ordinal);
        Assert.Contains(": left out", output, StringComparison.Ordinal);
        Assert.Empty(errors);
        (exitCode, _, errors) = Memproc("save", $"{_target.ProcessId}", core);
        Assert.Equal(1, exitCode);
        Assert.Contains("Use --force to replace it", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Selected_mappings_are_saved_as_raw_files()
    {
        string raw = Path.Combine(_folder.Path, "raw");
        (int exitCode, string output, string errors) = Memproc("save", $"{_target.ProcessId}", raw, "--format", "raw",
            "--mapping", "[stack]", "--mapping", "[heap]", "--compress", "--json");
        Assert.True(exitCode == 0, errors);
        JsonElement dump = JsonDocument.Parse(output).RootElement;
        Assert.Equal(("raw", 2), (dump.GetProperty("format").GetString(), dump.GetProperty("mappingCount").GetInt32()));
        Assert.Equal([ProcMapKind.Heap, ProcMapKind.Stack], MemoryIndex.Load(raw).Mappings.Select(mapping => mapping.Kind));
    }

    [Fact]
    public void A_full_disk_is_reported_and_leaves_no_partial_file()
    {
        Requires.Root();
        string unshare = Requires.Tool("unshare");
        (int exitCode, string output, string errors) = Shell.Try(unshare, ["--mount", "sh", "-c",
            "mount -t tmpfs -o size=1m none \"$1\" || exit 77; \"$2\" \"$3\" save \"$4\" \"$1/core\"; echo $?; ls -A \"$1\"",
            "sh", _folder.Path, Programs.MemprocHost, Programs.Memproc, $"{_target.ProcessId}"]);
        Assert.SkipWhen(exitCode == 77, $"needs a mount in a separate namespace: {errors}");
        Assert.Contains("(ENOSPC)", errors, StringComparison.Ordinal);
        Assert.Equal("1\n", output);
    }

    [Fact]
    public void Contradictory_options_are_rejected()
    {
        Assert.Contains("--length requires --address",
            Memproc("save", $"{_target.ProcessId}", "x", "--length", "16").Errors, StringComparison.Ordinal);
        Assert.Contains("has no mapping that matches --mapping",
            Memproc("save", $"{_target.ProcessId}", Path.Combine(_folder.Path, "x"), "--mapping", "nothing").Errors,
            StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    private static (int ExitCode, string Output, string Errors) Memproc(params string[] arguments) =>
        Shell.Try(Programs.MemprocHost, [Programs.Memproc, .. arguments]);
}

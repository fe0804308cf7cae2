using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc resolve</c> with text and JSON output.</summary>
public sealed class MemprocResolveTests : IDisposable
{
    private readonly TargetProcess _target = TargetProcess.Start();

    /// <inheritdoc/>
    public void Dispose() => _target.Dispose();

    [Fact]
    public void Resolved_expressions_are_a_table()
    {
        (int exitCode, string output, string errors) = Memproc("", "libc.so.6!malloc+4", "[stack]-8");
        Assert.True(exitCode == 0, errors);
        string[] lines = output.TrimEnd().Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Matches(@"^0x[0-9a-f]+ +r-xp \.text +libc\.so\.6!malloc\+0x4$", lines[1]);
        Assert.Matches($@"^0x[0-9a-f]+ +rw-p - +\[stack\]\+0x[0-9a-f]+ \(stack of thread {_target.ProcessId}\)$", lines[2]);
    }

    [Fact]
    public void Json_is_one_object_per_line()
    {
        (int exitCode, string output, string errors) = Memproc("", "libc.so.6!malloc+4", "--json");
        Assert.True(exitCode == 0, errors);
        JsonElement malloc = JsonDocument.Parse(output).RootElement;
        Assert.Equal("malloc", malloc.GetProperty("symbol").GetString());
        Assert.Equal(4, malloc.GetProperty("symbolOffset").GetInt32());
        Assert.StartsWith("0x", malloc.GetProperty("address").GetString(), StringComparison.Ordinal);
        Assert.StartsWith("0x", malloc.GetProperty("imageAddress").GetString(), StringComparison.Ordinal);
        Assert.Matches("^(dynamic|full|debug-file)$", malloc.GetProperty("symbolSource").GetString());
    }

    [Fact]
    public void Addresses_are_read_from_standard_input_and_an_invalid_one_does_not_stop_the_others()
    {
        (int exitCode, string output, string errors) = Memproc("libc.so.6!malloc\n\n0x10\n[nowhere\nlibc.so\n[vdso]\n");
        Assert.Equal(1, exitCode);
        Assert.Equal(3, output.TrimEnd().Split('\n').Length);
        Assert.Contains("libc.so.6!malloc", output, StringComparison.Ordinal);
        Assert.Contains("[vdso]", output, StringComparison.Ordinal);
        Assert.Contains("nothing is mapped at 0x10", errors, StringComparison.Ordinal);
        Assert.Contains("never closed", errors, StringComparison.Ordinal);
        Assert.Contains("Similar names: libc.so.6", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_commands_accept_expressions()
    {
        (int exitCode, string output, string errors) = Shell.Try(
            Programs.MemprocHost, [Programs.Memproc, "read", $"{_target.ProcessId}", "[vdso]+1", "3", "--text"]);
        Assert.True(exitCode == 0, errors);
        Assert.Equal("ELF\n", output);
    }

    private (int ExitCode, string Output, string Errors) Memproc(string input, params string[] arguments) =>
        Shell.Try(Programs.MemprocHost, [Programs.Memproc, "resolve", $"{_target.ProcessId}", .. arguments], input);
}

using System.Text;
using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc write --changes</c> and <c>memproc undo</c>.</summary>
public sealed class MemprocWriteTests
{
    [Fact]
    public void What_write_printed_can_be_undone()
    {
        using TargetProcess target = TargetProcess.Start();
        using TemporaryFolder folder = new();
        ulong address = target.Ask("seed").Address("address");
        string changes = $$"""
            {"address":"0x{{address:x}}","text":"hello"}

            {"address":{{address + 8}},"value":[1,"0xffff"],"type":"int16","expected":"49 4a"}
            {"address":"0x{{address + 12:x}}","bytes":"00 01"}
            """;
        string file = folder.File("changes", Encoding.UTF8.GetBytes(changes));
        (int exitCode, string output, string errors) = Memproc("",
            "write", $"{target.ProcessId}", "--changes", file, "--stop", "--verify", "--yes", "--json");
        Assert.Equal((0, ""), (exitCode, errors));
        Assert.Equal("68656c6c6f4647480100ffff00013334", Peek(target, address));
        Assert.All(output.Split('\n', StringSplitOptions.RemoveEmptyEntries), line =>
            Assert.True(JsonDocument.Parse(line).RootElement.GetProperty("isVerified").GetBoolean()));

        // Without a terminal there is no confirmation.
        (exitCode, _, errors) = Memproc(output, "undo", "-");
        Assert.Equal(1, exitCode);
        Assert.Contains("--yes", errors, StringComparison.Ordinal);
        (exitCode, string said, _) = Memproc(output, "undo", "-", "--dry-run");
        Assert.Equal(0, exitCode);
        Assert.Contains("68 65 6c 6c 6f |hello| becomes 41 42 43 44 45 |ABCDE|", said, StringComparison.Ordinal);
        Assert.Equal("68656c6c6f4647480100ffff00013334", Peek(target, address));

        Assert.Equal(0, Memproc(output, "undo", "-", "--yes", "--stop").ExitCode);
        Assert.Equal("4142434445464748494a4b4c31323334", Peek(target, address));
        (exitCode, said, errors) = Memproc(output, "undo", "-", "--yes");
        Assert.Equal((1, ""), (exitCode, said));
        Assert.Contains("nothing was put back", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"address":"0x1000","txt":"x"}""", "line 2: 'txt' is not a valid property")]
    [InlineData("""{"address":"0x1000"}""", "line 2: Specify one of")]
    [InlineData("""{"address":"0x1000","value":1}""", "line 2: Specify one of")]
    [InlineData("""{"address":"0x1000","value":300,"type":"byte"}""", "line 2: 300 does not fit")]
    [InlineData("""{"text":"x"}""", "line 2: It has no address")]
    [InlineData("[1]", "line 2: It is not a JSON object")]
    [InlineData("{", "line 2: ")]
    public void An_invalid_line_is_named_and_nothing_is_written(string bad, string message)
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        (int exitCode, string output, string errors) = Memproc(
            $$"""{"address":"0x{{address:x}}","text":"hello"}""" + $"\n{bad}\n",
            "write", $"{target.ProcessId}", "--changes", "-", "--yes");
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains(message, errors, StringComparison.Ordinal);
        Assert.Equal("4142434445464748494a4b4c31323334", Peek(target, address));
    }

    [Theory]
    [InlineData("write", "1", "0x1000", "--changes", "x", "--yes")]
    [InlineData("write", "1", "--changes", "x", "--expected", "00", "--yes")]
    [InlineData("write", "1", "--text", "x", "--yes")]
    [InlineData("undo", "no/such/file", "--yes")]
    [InlineData("undo", "--yes")]
    public void Invalid_arguments_are_rejected(params string[] arguments)
    {
        (int exitCode, string output, string errors) = Memproc("", arguments);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith("memproc: ", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_write_that_could_not_be_rolled_back_is_printed()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 2");
        Requires.Refusal(target, address + Page.Size);
        target.Ask($"spin {address}");
        string changes = $$"""
            {"address":{{address}},"bytes":"0102030405060708"}
            {"address":{{address + Page.Size}},"bytes":"01"}
            """;
        // Between the write and its undoing, the target must write too: a native program gives it less time.
        Assert.Contains(Enumerable.Range(0, 500), _ =>
        {
            (int exitCode, string output, string errors) = Memproc(
                changes, "write", $"{target.ProcessId}", "--changes", "-", "--yes", "--json");
            Assert.Equal(1, exitCode);
            return errors.Contains("NOT put back", StringComparison.Ordinal)
                && JsonDocument.Parse(output).RootElement.GetProperty("bytes").GetString() == "0102030405060708";
        });
    }

    private static string Peek(TargetProcess target, ulong address) => target.Ask($"peek {address} 16").Text("bytes");

    private static (int ExitCode, string Output, string Errors) Memproc(string input, params string[] arguments) =>
        Shell.Try(Programs.MemprocHost, [Programs.Memproc, .. arguments], input);
}

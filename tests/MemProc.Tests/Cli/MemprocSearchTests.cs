using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc search</c>.</summary>
public sealed class MemprocSearchTests
{
    [Fact]
    public void Text_bytes_expressions_and_numbers_are_found()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong seed = target.Ask("seed").Address("address");
        string[] inSeed = [$"{target.ProcessId}", "--address", $"0x{seed:x}", "--length", "8K"];
        Assert.Equal([seed], Addresses([.. inSeed, "--text", "ABCDEFGHIJKL1234"]));
        Assert.Equal([seed], Addresses([.. inSeed, "--text", "abcdefghijkl", "--ignore-case"]));
        Assert.Equal([seed + 4], Addresses([$"{target.ProcessId}", "45 4? ?? 48", .. inSeed[1..]]));
        Assert.Equal([seed + 12, seed + 16], Addresses([.. inSeed, "--regex", "[0-9]{4}", "--first", "2"]));
        Assert.Equal([seed], Addresses([.. inSeed, "--type", "int32", "--value", "0x44434241"]));
        Assert.Equal([seed + 1], Addresses([.. inSeed, "--type", "int32", "--value", "0x45444342", "--alignment", "1"]));
        Assert.Equal([seed, seed + 4], Addresses([.. inSeed, "--type", "uint32", "--between", "0x44434241..0x48474645"]));
        Assert.Empty(Addresses([.. inSeed, "--text", "not there", "--permission", "rw-"]));
    }

    [Fact]
    public void A_match_has_all_its_properties()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong seed = target.Ask("seed").Address("address");
        string[] search = ["search", $"{target.ProcessId}", "--address", $"0x{seed:x}", "--length", "4096", "--text", "1234",
            "--first", "1", "--context", "4"];
        JsonElement match = Assert.Single(MemprocTests.Json([.. search, "--json"]));
        Assert.Equal($"0x{seed + 12:x}", match.GetProperty("address").GetString());
        Assert.Equal("31323334", match.GetProperty("bytes").GetString());
        Assert.Equal("1234", match.GetProperty("value").GetString());
        Assert.Equal("494a4b4c3132333435363738", match.GetProperty("contextBytes").GetString());
        Assert.Equal(12, match.GetProperty("offsetInMapping").GetInt32());
        Assert.Equal("rw-p", match.GetProperty("permissions").GetString());
        Assert.Equal("anonymous", match.GetProperty("kind").GetString());
        (int exitCode, string output, _) = MemprocTests.Memproc(search);
        Assert.Equal(0, exitCode);
        Assert.Contains("49 4a 4b 4c 31 32 33 34", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Skipped_memory_is_reported()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"reserve {1UL << 30} 1").Address("address");
        (int exitCode, string output, string errors) = MemprocTests.Memproc(
            "search", $"{target.ProcessId}", "01 00 00", "--address", $"0x{address:x}", "--length", "1G");
        Assert.Equal(0, exitCode);
        Assert.Contains($"0x{address:x} rw-p 01 00 00", output.Replace("    ", " ", StringComparison.Ordinal)
            .Replace("  ", " ", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("not in memory", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData]
    [InlineData("4 11")]
    [InlineData("01", "--text", "a")]
    [InlineData("--value", "1")]
    [InlineData("--type", "int32")]
    [InlineData("--type", "byte", "--value", "256")]
    [InlineData("--type", "int32", "--between", "2..1")]
    [InlineData("--regex", "(")]
    [InlineData("--text", "a", "--alignment", "3")]
    [InlineData("--text", "a", "--tolerance", "1")]
    [InlineData("01", "--length", "16")]
    [InlineData("01", "--address", "0x10", "--length", "16")]
    [InlineData("01", "--address", "0xffff800000000000")]
    public void Invalid_arguments_are_rejected(params string[] arguments)
    {
        (int exitCode, string output, string errors) = MemprocTests.Memproc(["search", "self", .. arguments]);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith("memproc: ", errors, StringComparison.Ordinal);
    }

    private static ulong[] Addresses(string[] arguments)
    {
        (int exitCode, string output, string errors) = MemprocTests.Memproc(["search", .. arguments, "--json"]);
        Assert.True(exitCode == 0, errors);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => Convert.ToUInt64(JsonDocument.Parse(line).RootElement.GetProperty("address").GetString(), 16))];
    }
}

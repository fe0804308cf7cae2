using System.Text.Json;
using static MemProc.Tests.MemprocTests;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc read</c> with types, and <c>memproc watch</c>.</summary>
public sealed class MemprocReadTests
{
    [Fact]
    public void A_symbol_is_read_by_its_size_and_equal_lines_are_folded()
    {
        using TargetProcess target = TargetProcess.Start();
        string id = $"{target.ProcessId}";
        JsonElement block = Assert.Single(Json(["read", id, "libc.so.6!environ", "--json"]));
        Assert.Equal(nint.Size, block.GetProperty("length").GetInt32());
        Assert.False(block.TryGetProperty("addressHex", out _));
        Assert.Equal(1, Memproc("read", id, "libc.so.6!environ+0").ExitCode);

        string address = $"0x{target.Ask($"map {Page.Size} rw- private").Address("address"):x}";
        Assert.Equal(["*"], Memproc("read", id, address, "64").Output.Split('\n').Where(line => line == "*"));
        Assert.Equal(4, Memproc("read", id, address, "64", "--all-lines").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Theory]
    [InlineData]
    [InlineData("--stop")]
    public void Structs_types_and_pointers_are_read(params string[] more)
    {
        using TargetProcess target = TargetProcess.Start();
        TargetReply garlic = target.Ask("garlic");
        string id = $"{target.ProcessId}", text = $"0x{garlic.Address("text"):x}", pointer = $"0x{garlic.Address("pointer"):x}";
        JsonElement record = Assert.Single(Json(["read", id, text, "--layout", "char[4] a; uint16be b; byte[2] c", "--json", .. more]));
        JsonElement fields = record.GetProperty("fields");
        Assert.Equal(text, record.GetProperty("address").GetString());
        Assert.Equal("garl", fields.GetProperty("a").GetString());
        Assert.Equal(('i' << 8) + 'c', fields.GetProperty("b").GetInt32());
        Assert.StartsWith("00", fields.GetProperty("c").GetString(), StringComparison.Ordinal);
        Assert.StartsWith($"{text}\n  a : garl\n  b : 26979\n",
            Memproc(["read", id, text, "--layout", "char[4] a; uint16be b; byte[2] c", .. more]).Output, StringComparison.Ordinal);

        JsonElement value = Assert.Single(Json(["read", id, pointer, "--type", "char*", "--json", .. more]));
        Assert.Equal(("garlic", "char*"), (value.GetProperty("value").GetString(), value.GetProperty("type").GetString()));
        JsonElement block = Assert.Single(Json(["read", id, pointer, "6", "--dereference", "1", "--json", .. more]));
        Assert.Equal("6761726c6963", block.GetProperty("bytes").GetString());
        Assert.Equal([pointer, text], block.GetProperty("pointers").EnumerateArray().Select(step => step.GetString()));
        Assert.Contains($"pointers: {pointer} -> {text}", Memproc(["read", id, pointer, "6", "--dereference", "1", .. more]).Output,
            StringComparison.Ordinal);
        Assert.Equal("garlic", Memproc(["read", id, text, "6", "--raw", .. more]).Output);
        Assert.Equal(0, target.Exit());
    }

    [Fact]
    public void Nonresident_pages_are_a_separate_kind_of_gap()
    {
        using TargetProcess target = TargetProcess.Start();
        string address = $"0x{target.Ask($"map {Page.Size} rw- private").Address("address"):x}", id = $"{target.ProcessId}";
        JsonElement gap = Json("read", id, address, "16", "--resident-only", "--json")[0].GetProperty("gaps")[0];
        Assert.Equal("not-resident", gap.GetProperty("kind").GetString());
        (int exitCode, string output, string errors) = Memproc("read", id, address, "--type", "int32", "--resident-only");
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("ENODATA", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Changes_are_printed_until_the_value_is_reached()
    {
        using TargetProcess target = TargetProcess.Start();
        string address = $"0x{target.Ask("seed").Address("address"):x}", id = $"{target.ProcessId}";
        JsonElement change = Assert.Single(Json("watch", id, address, "--type", "char[2]", "--until", "ABx", "--timeout", "1ms",
            "--json"));
        Assert.Equal("AB", change.GetProperty("value").GetString());
        Assert.True(change.GetProperty("isFirst").GetBoolean());
        string[] lines = Memproc("watch", id, address, address, "--type", "byte", "--until", "65").Output.Split('\n');
        Assert.StartsWith("Time ", lines[0], StringComparison.Ordinal);
        Assert.EndsWith(" 65", lines[1], StringComparison.Ordinal);
        Assert.Equal("", Assert.Single(lines[2..]));
    }

    [Theory]
    [InlineData("read", "self", "0xffffffffff600000", "16")]
    [InlineData("read", "self", "0x8000000000000000", "16")]
    [InlineData("read", "self", "0x7fffffffffffffff", "16")]
    [InlineData("read", "self", "0x1000", "16", "--stop")]
    [InlineData("read", "self", "0x1000", "16", "--dereference", "65")]
    [InlineData("read", "self", "0x1000", "--layout", "pionter next")]
    [InlineData("read", "self", "0x1000", "--type", "int32[")]
    [InlineData("read", "self", "0x1000", "16", "--big-endian")]
    [InlineData("read", "self", "0x1000", "--type", "int32", "--stride", "8")]
    [InlineData("watch", "self", "0x1000")]
    [InlineData("watch", "self", "0x1000", "--type", "char*")]
    [InlineData("watch", "self", "0x1000", "--type", "int32", "--interval", "0")]
    [InlineData("watch", "self", "0x1000", "--type", "int32")]
    public void Errors_go_to_stderr_with_exit_code_1(params string[] arguments)
    {
        (int exitCode, string output, string errors) = Memproc(arguments);
        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        Assert.StartsWith("memproc: ", errors, StringComparison.Ordinal);
    }
}

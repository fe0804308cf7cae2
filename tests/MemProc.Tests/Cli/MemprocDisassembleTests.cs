using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc disasm</c>.</summary>
public sealed class MemprocDisassembleTests(ElfSamples samples) : IClassFixture<ElfSamples>
{
    [Fact]
    public void A_function_of_a_process_is_shown_below_its_name_and_as_json()
    {
        using TargetProcess target = TargetProcess.Start();
        string[] lines = Lines($"{target.ProcessId}", "libc.so.6!nanosleep");
        Assert.EndsWith(" <libc.so.6!nanosleep>:", lines[0], StringComparison.Ordinal);
        Assert.Contains(lines, line => line.Contains(" call ", StringComparison.Ordinal)
            && line.EndsWith(" <libc.so.6!clock_nanosleep>", StringComparison.Ordinal));
        JsonElement[] json = [.. Lines($"{target.ProcessId}", "--symbol", "nanosleep", "--json")
            .Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(lines.Length - 1, json.Length);
        JsonElement call = json.First(item => item.GetProperty("flowControl").GetString() == "call");
        Assert.Equal(("call", "nanosleep", "libc.so.6!clock_nanosleep"), (call.GetProperty("mnemonic").GetString(),
            call.GetProperty("symbol").GetString(), call.GetProperty("targetSymbol").GetString()));
        Assert.StartsWith("0x", call.GetProperty("target").GetString(), StringComparison.Ordinal);
        Assert.Equal(target.ProcessId, call.GetProperty("processId").GetInt32());
    }

    [Fact]
    public void A_section_of_a_file_is_shown_in_either_syntax()
    {
        string libc = samples["libc"];
        string[] att = Lines("--file", libc, "--section", ".text", "--count", "20");
        string[] intel = Lines("--file", libc, "--section", ".text", "--count", "20", "--syntax", "intel");
        Assert.Equal(20, att.Count(line => line.Contains(":  ", StringComparison.Ordinal)));
        Assert.Contains(att, line => line.Contains('%'));
        Assert.DoesNotContain(intel, line => line.Contains('%'));
        Assert.Contains("<nanosleep>:", Lines("--file", libc, "--symbol", "nanosleep")[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Specify either PID or --file.")]
    [InlineData("Specify either ADDRESS or --symbol.", "1")]
    [InlineData("--section requires --file.", "1", "0x1000", "--section", ".text")]
    [InlineData("Specify LENGTH or --count, not both.", "1", "0x1000", "4", "--count", "2")]
    [InlineData("'8' is not valid.", "1", "0x1000", "--bits", "8")]
    public void Arguments_that_do_not_fit_are_refused(string message, params string[] arguments)
    {
        (int exitCode, _, string errors) = Shell.Try(Programs.MemprocHost, [Programs.Memproc, "disasm", .. arguments]);
        Assert.Equal(1, exitCode);
        Assert.Contains(message, errors, StringComparison.Ordinal);
    }

    private static string[] Lines(params string[] arguments) => Shell.Run(
        Programs.MemprocHost, [Programs.Memproc, "disasm", .. arguments]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
}

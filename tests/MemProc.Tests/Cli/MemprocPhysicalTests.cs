using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc physical</c>.</summary>
public sealed class MemprocPhysicalTests
{
    [Fact]
    public void Ranges_equal_iomem_as_text_and_as_json()
    {
        Requires.Root();
        string[] lines = File.ReadAllLines("/proc/iomem");
        Assert.SkipWhen(PhysicalMap.Read().IsHidden, "needs CAP_SYS_ADMIN in the machine's own user namespace");
        JsonElement[] ranges = MemprocTests.Json("physical", "--json");
        Assert.Equal(lines.Select(line => line.Split(" : ", 2)[1]),
            ranges.Select(range => range.GetProperty("name").GetString()));
        Assert.Equal(lines.Select(line => $"0x{line.Split('-')[0].Trim().TrimStart('0').PadLeft(1, '0')}"),
            ranges.Select(range => range.GetProperty("start").GetString()));

        (int exitCode, string output, string errors) = MemprocTests.Memproc("physical");
        Assert.Equal((0, ""), (exitCode, errors));
        string[] shown = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(lines.Length + 1, shown.Length);
        Assert.StartsWith("Start ", shown[0], StringComparison.Ordinal);
        Assert.Contains(shown, line => line.EndsWith(" System RAM", StringComparison.Ordinal));
    }

    [Fact]
    public void An_address_and_its_frame_have_the_same_chain()
    {
        Requires.Root();
        PhysicalMap map = PhysicalMap.Read();
        Assert.SkipWhen(map.IsHidden, "needs CAP_SYS_ADMIN in the machine's own user namespace");
        PhysicalRange inner = map.Ranges.First(range => range.Depth > 0);
        string[] names = [.. map.Containing(inner.Start!.Value).Select(range => range.Name)];
        Assert.True(names.Length > 1);
        Assert.Equal(names, Names(MemprocTests.Json("physical", "--address", $"0x{inner.Start:x}", "--json")));
        Assert.Equal(map.ContainingFrames(inner.Pfn!.Value).Select(range => range.Name),
            Names(MemprocTests.Json("physical", "--pfn", $"{inner.Pfn}", "--json")));
        Assert.Equal(map.Ranges.Where(range => range.Name == "System RAM").Select(_ => "System RAM"),
            Names(MemprocTests.Json("physical", "--name", "system*ram", "--json")));
    }

    [Fact]
    public void An_address_outside_all_ranges_does_not_stop_the_others()
    {
        Requires.Root();
        PhysicalMap map = PhysicalMap.Read();
        Assert.SkipWhen(map.IsHidden, "needs CAP_SYS_ADMIN in the machine's own user namespace");
        (int exitCode, string output, string errors) = MemprocTests.Memproc(
            "physical", "--address", "0xfffffffffffffff0", "--address", $"0x{map.Ranges[^1].Start:x}");
        Assert.Equal(1, exitCode);
        Assert.Contains(map.Ranges[^1].Name, output, StringComparison.Ordinal);
        Assert.StartsWith("memproc: ", Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)),
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_unprivileged_user_gets_a_warning_and_no_zero_addresses()
    {
        Requires.Root();
        (int exitCode, string output, string errors) = AsNobody("physical", "--json");
        Assert.Equal(0, exitCode);
        JsonElement[] ranges = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(File.ReadLines("/proc/iomem").Count(), ranges.Length);
        Assert.All(ranges, range =>
        {
            Assert.True(range.GetProperty("isAddressHidden").GetBoolean());
            Assert.Equal(JsonValueKind.Null, range.GetProperty("start").ValueKind);
        });
        Assert.Contains("CAP_SYS_ADMIN", Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)),
            StringComparison.Ordinal);

        (_, output, _) = AsNobody("physical");
        Assert.All(output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..],
            line => Assert.StartsWith("hidden           hidden ", line, StringComparison.Ordinal));

        (exitCode, output, errors) = AsNobody("physical", "--address", "0x1000");
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("CAP_SYS_ADMIN", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--address", "nonsense")]
    [InlineData("--pfn", "xyz")]
    [InlineData("--address", "1", "--pfn", "1")]
    public void Invalid_arguments_are_rejected(params string[] arguments)
    {
        (int exitCode, string output, string errors) = MemprocTests.Memproc(["physical", .. arguments]);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith("memproc: ", errors, StringComparison.Ordinal);
    }

    private static IEnumerable<string?> Names(JsonElement[] ranges) =>
        ranges.Select(range => range.GetProperty("name").GetString());

    private static (int ExitCode, string Output, string Errors) AsNobody(params string[] arguments) => Shell.Try(
        Requires.Tool("setpriv"),
        [.. MemprocTests.AsNobody, Programs.MemprocHost, Programs.MakeWorldReadable(Programs.Memproc), .. arguments]);
}

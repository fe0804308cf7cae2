using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc elf</c> with text and JSON output.</summary>
public sealed class MemprocElfTests(ElfSamples samples) : IClassFixture<ElfSamples>
{
    [Fact]
    public void A_file_is_shown_as_header_segments_sections_and_symbols()
    {
        string path = samples["ls"];
        using ElfFile file = ElfFile.Open(path);
        string[] header = Lines("header", path), segments = Lines("segments", path), sections = Lines("sections", path),
            symbols = Lines("symbols", path);
        Assert.Contains($" {file.BuildId} ", header[1], StringComparison.Ordinal);
        Assert.EndsWith($" {path}", header[1], StringComparison.Ordinal);
        Assert.Contains(segments, line => line.Contains(" LOAD ", StringComparison.Ordinal)
            && line.Contains(" r-x ", StringComparison.Ordinal) && line.Contains(" .text ", StringComparison.Ordinal));
        Assert.Equal((file.Segments.Count + 1, file.Sections.Count + 1), (segments.Length, sections.Length));
        Assert.Contains(sections, line => line.EndsWith(" .text", StringComparison.Ordinal));
        Assert.Equal(file.Symbols(file.PreferredTable).Count() + 1, symbols.Length);
    }

    [Fact]
    public void Json_has_hex_addresses_and_enum_names()
    {
        string path = samples["libc"];
        using ElfFile file = ElfFile.Open(path);
        JsonElement header = Assert.Single(Json("header", path));
        Assert.Equal(($"0x{file.Header.EntryPoint:x}", "shared-object", file.BuildId), (header.GetProperty("entryPoint").GetString(),
            header.GetProperty("type").GetString(), header.GetProperty("buildId").GetString()));
        JsonElement malloc = Json("symbols", path).First(symbol => symbol.GetProperty("name").GetString() == "malloc");
        ElfSymbol expected = file.Symbols(file.PreferredTable).First(symbol => symbol.Name == "malloc");
        Assert.Equal(($"0x{expected.Value:x}", "function"),
            (malloc.GetProperty("value").GetString(), malloc.GetProperty("type").GetString()));
        Assert.Equal(file.Segments.Count, Json("segments", path).Length);
        Assert.Equal(file.Sections.Select(section => section.Name),
            Json("sections", path).Select(section => section.GetProperty("name").GetString()));
    }

    [Fact]
    public void A_file_that_is_not_ELF_does_not_stop_the_others()
    {
        using TemporaryFolder folder = new();
        string text = folder.File("text", "#!/bin/sh"u8);
        (int exitCode, string output, string errors) = Shell.Try(
            Programs.MemprocHost, [Programs.Memproc, "elf", "header", text, samples["ls"]]);
        Assert.Equal(1, exitCode);
        Assert.Contains("it is not an ELF file", errors, StringComparison.Ordinal);
        Assert.Contains(samples["ls"], output, StringComparison.Ordinal);
        (exitCode, _, errors) = Shell.Try(Programs.MemprocHost, [Programs.Memproc, "elf", "header"]);
        Assert.Equal(1, exitCode);
        Assert.Contains("Try 'memproc elf header --help'.", errors, StringComparison.Ordinal);
    }

    private static string[] Lines(params string[] arguments) => Shell.Run(
        Programs.MemprocHost, [Programs.Memproc, "elf", .. arguments]).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static JsonElement[] Json(params string[] arguments) =>
        [.. Lines([.. arguments, "--json"]).Select(line => JsonDocument.Parse(line).RootElement)];
}

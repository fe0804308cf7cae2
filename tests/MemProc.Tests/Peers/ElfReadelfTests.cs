using System.Globalization;
using System.Text.RegularExpressions;

namespace MemProc.Tests;

/// <summary>Compares the ELF reader with readelf and objdump.</summary>
public sealed partial class ElfReadelfTests(ElfSamples samples) : IClassFixture<ElfSamples>
{
    public static TheoryData<string> Samples => [.. ElfSamples.Names];

    [Theory]
    [MemberData(nameof(Samples))]
    public void The_header_is_the_same(string sample)
    {
        using ElfFile file = Open(sample);
        Dictionary<string, string> reported = Readelf("-hW", sample)
            .Select(line => line.Split(':', 2)).Where(parts => parts.Length == 2)
            .GroupBy(parts => parts[0].Trim()).ToDictionary(group => group.Key, group => group.Last()[1].Trim());
        ElfHeader header = file.Header;
        Assert.Equal(reported["Class"], $"ELF{header.Bits}");
        Assert.EndsWith(header.IsBigEndian ? "big endian" : "little endian", reported["Data"], StringComparison.Ordinal);
        Assert.Equal(reported["Type"].Split(' ')[0], header.Type switch
        {
            ElfType.Relocatable => "REL",
            ElfType.Executable => "EXEC",
            ElfType.SharedObject => "DYN",
            ElfType other => other.ToString(),
        });
        Assert.Equal((reported["ABI Version"], reported["Version"]), ($"{header.AbiVersion}", $"0x{header.Version:x}"));
        Assert.Equal((reported["Entry point address"], reported["Flags"].Split(',')[0]),
            ($"0x{header.EntryPoint:x}", $"0x{header.Flags:x}"));
        Assert.Equal(
            [
                Number("Start of program headers"), Number("Start of section headers"), Number("Size of this header"),
                Number("Size of program headers"), Number("Number of program headers"),
                Number("Size of section headers"), Number("Number of section headers"),
                Number("Section header string table index"),
            ],
            new[]
            {
                header.SegmentOffset, header.SectionOffset, header.HeaderBytes, header.SegmentHeaderBytes,
                header.SegmentCount, header.SectionHeaderBytes, header.SectionCount, header.SectionNameIndex,
            });
        string machine = reported["Machine"];
        Assert.Equal(header.Machine, machine switch
        {
            "Advanced Micro Devices X86-64" => ElfMachine.X64,
            "AArch64" => ElfMachine.Arm64,
            "Intel 80386" => ElfMachine.X86,
            "None" => ElfMachine.None,
            _ => header.Machine,
        });

        ulong Number(string key) => ulong.Parse(reported[key].Split(' ')[0], CultureInfo.InvariantCulture);
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Segments_are_the_same_with_the_sections_in_them(string sample)
    {
        using ElfFile file = Open(sample);
        string[] lines = Readelf("-lW", sample);
        string[] reported = [.. lines.Select(line => Segment().Match(line)).Where(match => match.Success)
            .Select(match => string.Join(' ', match.Groups.Values.Skip(1).Select(group => group.Value.TrimStart('0'))))];
        ElfSegment[] segments = [.. file.SegmentsWithSections()];
        Assert.Equal(reported, segments.Select(segment => string.Join(' ',
            segment.TypeName, Hex(segment.Offset), Hex(segment.VirtualAddress), Hex(segment.PhysicalAddress),
            Hex(segment.FileBytes), Hex(segment.MemoryBytes),
            $"{(segment.Permissions[0] == 'r' ? 'R' : ' ')}{(segment.Permissions[1] == 'w' ? 'W' : ' ')}{(segment.Permissions[2] == 'x' ? 'E' : ' ')}",
            Hex(segment.Alignment))));
        Assert.Equal(
            lines.Select(line => Contents().Match(line)).Where(match => match.Success)
                .Select(match => $"{int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)} {match.Groups[2].Value.Trim()}".Trim()),
            file.Sections.Count == 0 ? [] : segments.Select(segment => $"{segment.Index} {string.Join(' ', segment.Sections)}".Trim()));
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Sections_are_the_same(string sample)
    {
        using ElfFile file = Open(sample);
        string[] reported = [.. Readelf("-SW", sample).Select(line => Section().Match(line)).Where(match => match.Success)
            .Select(match => string.Join('|', match.Groups.Values.Skip(1).Select(group => Bare(group.Value.Trim()))))];
        Assert.NotEmpty(reported);
        Assert.Equal(reported, file.Sections.Select(section => string.Join('|',
            Bare($"{section.Index}"), section.Name, section.TypeName == "0x70000001" ? "X86_64_UNWIND" : section.TypeName,
            Bare($"{section.VirtualAddress:x}"), Bare($"{section.Offset:x}"), Bare($"{section.SizeBytes:x}"),
            Bare($"{section.EntryBytes:x}"), section.FlagLetters, Bare($"{section.Link}"), Bare($"{section.Info}"),
            Bare($"{section.Alignment}"))));

        string Bare(string text) => text.TrimStart('0');
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Symbols_are_the_same(string sample)
    {
        using ElfFile file = Open(sample);
        string[] lines = Readelf("-sW", sample);
        foreach (ElfSymbolSource table in Enum.GetValues<ElfSymbolSource>())
        {
            string title = table == ElfSymbolSource.Dynamic ? "'.dynsym'" : "'.symtab'";
            string[] reported = [.. lines.SkipWhile(line => !line.StartsWith($"Symbol table {title}", StringComparison.Ordinal))
                .Skip(1).TakeWhile(line => !line.StartsWith("Symbol table", StringComparison.Ordinal))
                .Select(line => Symbol().Match(line)).Where(match => match.Success && match.Groups[1].Value != "0")
                .Select(AsPrinted)];
            Assert.Equal(reported, file.Symbols(table).Select(symbol => AsPrinted(file, symbol)));
        }
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Build_id_and_dynamic_entries_are_the_same(string sample)
    {
        using ElfFile file = Open(sample);
        string? id = Readelf("-nW", sample).Select(line => BuildId().Match(line)).FirstOrDefault(match => match.Success)
            ?.Groups[1].Value;
        Assert.Equal(id, file.BuildId);
        Assert.Equal(id, file.Header.BuildId);
        string[] reported = [.. Readelf("-dW", sample).Select(line => Dynamic().Match(line)).Where(match => match.Success)
            .Select(match => $"{match.Groups[1].Value.TrimStart('0')} {match.Groups[2].Value}")];
        Assert.Equal(reported, file.Dynamic.Select(entry =>
            $"{((ulong)entry.Tag == 0 ? "" : $"{(ulong)entry.Tag:x}")} {entry.Text}"));
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Objdump_shows_the_same(string sample)
    {
        using ElfFile file = Open(sample);
        (_, string output, _) = Shell.Try(Requires.Tool("objdump"), ["-h", "-T", "-w", samples[sample]]);
        string[] lines = output.Split('\n');
        foreach (Match reported in lines.Select(line => ObjdumpSection().Match(line)).Where(match => match.Success))
        {
            Assert.Contains(file.Sections, section => section.Name == reported.Groups[1].Value
                && section.SizeBytes == FromHex(reported.Groups[2].Value)
                && section.VirtualAddress == FromHex(reported.Groups[3].Value)
                && section.Offset == FromHex(reported.Groups[4].Value));
        }

        IEnumerable<string> symbols = lines
            .Where(line => line.Contains('\t') && line.Length > 20 && Uri.IsHexDigit(line[0]))
            .Select(line => $"{FromHex(line[..line.IndexOf(' ')]):x} {Symbol(line.Split('\t')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries))}");
        Assert.Equal(symbols.Order(), file.Symbols(ElfSymbolSource.Dynamic)
            .Where(symbol => symbol.Type is not ElfSymbolType.Section)
            .Select(symbol => $"{symbol.Value:x} {symbol.SizeBytes:x} {symbol.Name} {(symbol.Version == symbol.Name ? null : symbol.Version)}").Order());

        static string Symbol(string[] words)
        {
            string version = words.Length > 2 ? words[1].Trim('(', ')') : "";
            string name = words[^1];
            return $"{FromHex(words[0]):x} {name} {(version == "Base" || version.StartsWith('.') || version == name ? null : version)}";
        }
    }

    private static ulong FromHex(string digits) => Convert.ToUInt64(digits, 16);

    private static string Hex(ulong value) => $"{value:x}".TrimStart('0');

    private static string AsPrinted(Match match)
    {
        string size = match.Groups[3].Value;
        ulong bytes = size.StartsWith("0x", StringComparison.Ordinal)
            ? FromHex(size)
            : ulong.Parse(size, CultureInfo.InvariantCulture);
        string name = match.Groups[4].Value == "SECTION" ? "" : Count().Replace(match.Groups[8].Value, "");
        return $"{match.Groups[1].Value} {FromHex(match.Groups[2].Value):x} {bytes} {match.Groups[4].Value} "
            + $"{match.Groups[5].Value} {match.Groups[6].Value} {match.Groups[7].Value} {name}";
    }

    private static string AsPrinted(ElfFile file, ElfSymbol symbol)
    {
        Assert.True(symbol.SectionIndex is 0 or >= 0xff00 || symbol.SectionIndex < file.Sections.Count);
        return $"{symbol.Index} {symbol.Value:x} {symbol.SizeBytes} {symbol.TypeName} {$"{symbol.Binding}".ToUpperInvariant()} "
            + $"{$"{symbol.Visibility}".ToUpperInvariant()} {symbol.SectionIndexName} {(symbol.Type == ElfSymbolType.Section ? "" : symbol.VersionedName)}";
    }

    private ElfFile Open(string sample)
    {
        Requires.Tool("readelf");
        return ElfFile.Open(samples[sample]);
    }

    private string[] Readelf(string options, string sample) =>
        Shell.Run(Requires.Tool("readelf"), options, samples[sample]).Split('\n');

    [GeneratedRegex(@"^  ([A-Z_]+(?:\+0x[0-9a-f]+)?) +0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) ([R ][W ][E ]) (?:0x)?([0-9a-f]+)$")]
    private static partial Regex Segment();

    [GeneratedRegex(@"^   (\d\d) {5}(.*)$")]
    private static partial Regex Contents();

    [GeneratedRegex(@"^ +\[ *(\d+)\] (\S*) +([A-Z][A-Z_0-9 ]*?) +([0-9a-f]{8,16}) ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) +([A-Za-z]*) +(\d+) +(\d+) +(\d+)$")]
    private static partial Regex Section();

    [GeneratedRegex(@"^ *(\d+): ([0-9a-f]+) +(\d+|0x[0-9a-f]+) (\S+) +(\S+) +(\S+) +(?:\[[^\]]+\] +)?(\S+) ?(.*)$")]
    private static partial Regex Symbol();

    [GeneratedRegex(@" \(\d+\)$")]
    private static partial Regex Count();

    [GeneratedRegex(@"Build ID: ([0-9a-f]+)")]
    private static partial Regex BuildId();

    [GeneratedRegex(@"^ 0x([0-9a-f]+) \([A-Z_0-9]+\) +(?:(?:Shared library|Library soname|Library runpath|Library rpath): \[(.*)\]|.*)$")]
    private static partial Regex Dynamic();

    [GeneratedRegex(@"^ *\d+ (\S+) +([0-9a-f]{8,}) +([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+) +2\*\*\d+")]
    private static partial Regex ObjdumpSection();
}

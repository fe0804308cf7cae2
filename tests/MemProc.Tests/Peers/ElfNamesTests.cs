using System.Text.RegularExpressions;

namespace MemProc.Tests;

/// <summary>Compares the names of numbers in ELF files with readelf: all numbers that processors and systems define.</summary>
public sealed partial class ElfNamesTests
{
    /// <summary>Machines with names of their own, and some without.</summary>
    public static TheoryData<ushort> Machines =>
        [0, 2, 3, 8, 10, 15, 20, 21, 22, 36, 40, 43, 45, 50, 62, 87, 93, 105, 140, 180, 181, 183, 195, 243, 247, 250, 252, 258, 0x9080];

    [Theory]
    [MemberData(nameof(Machines))]
    public void Section_types_are_the_same(ushort machine)
    {
        uint[] types =
        [
            .. Numbers(0, 24), .. Numbers(0x6000_0000, 16),
            // On Itanium, readelf takes all of this range for numbers of the system.
            .. machine == (ushort)ElfMachine.IA64 ? [] : Numbers(0x6fff_4700, 2).Concat(Numbers(0x6fff_fff0, 16)),
            .. Numbers(0x7000_0000, 64), .. Numbers(0x7fff_fffc, 4), 0x8000_0000,
            0xa000_0000,
        ];
        byte[] file = HandmadeElf.Create(machine, sections: [.. types.Select(type => (type, 0UL))]);
        string[] reported = [.. Readelf("-SW", file).Select(line => SectionLine().Match(line)).Where(match => match.Success)
            .Select(match => match.Groups[1].Value)];
        Assert.Equal(reported.Select(name => name == "SYMTAB SECTION INDICES" ? "SYMTAB_SHNDX" : Unnamed().IsMatch(name) ? "number" : name),
            Read(file).Sections.Skip(1).Take(types.Length).Select(section => section.TypeName.StartsWith("0x", StringComparison.Ordinal) ? "number" : section.TypeName));
    }

    [Theory]
    [MemberData(nameof(Machines))]
    public void Segment_types_are_the_same(ushort machine)
    {
        uint[] types =
        [
            .. Numbers(0, 12), .. Numbers(0x6474_e54e, 10), .. Numbers(0x65a3_dbe5, 4), .. Numbers(0x65a4_1be5, 3),
            .. Numbers(0x7000_0000, 8),
        ];
        byte[] file = HandmadeElf.Create(machine, segments: types);
        // readelf cuts names after 14 letters.
        string[] reported = [.. Readelf("-lW", file).Select(line => SegmentLine().Match(line)).Where(match => match.Success)
            .Select(match => Unnamed().IsMatch(match.Groups[1].Value) ? "number" : match.Groups[1].Value)];
        Assert.Equal(reported, Read(file).Segments.Select(segment => segment.TypeName switch
        {
            var name when name.StartsWith("0x", StringComparison.Ordinal) => "number",
            { Length: > 14 } name => name[..14],
            var name => name,
        }));
    }

    [Theory]
    [MemberData(nameof(Machines))]
    public void Flags_of_sections_are_the_same(ushort machine)
    {
        foreach (byte osAbi in new byte[] { 0, 3, 6, 9, 97 })
        {
            ulong[] flags = [.. Enumerable.Range(0, 64).Select(bit => 1UL << bit), 3, 6, 0x1000_0002, 0x0060_0000];
            byte[] file = HandmadeElf.Create(machine, osAbi, sections: [.. flags.Select(flag => (1u, flag))]);
            string[] reported = [.. Readelf("-SW", file).Select(line => FlagLine().Match(line)).Where(match => match.Success)
                .Select(match => match.Groups[1].Value.Trim())];
            Assert.Equal(reported, Read(file).Sections.Skip(1).Take(flags.Length).Select(section => section.FlagLetters));
        }
    }

    [Theory]
    [MemberData(nameof(Machines))]
    public void Symbols_are_the_same(ushort machine)
    {
        foreach (byte osAbi in new byte[] { 0, 3, 9 })
        {
            ushort[] sections = [0, 1, 2, 0xff00, 0xff01, 0xff02, 0xff03, 0xff04, 0xff1f, 0xff20, 0xff3f, 0xff40, 0xfff1, 0xfff2];
            (byte Info, ushort Section, uint Extended)[] symbols =
            [
                .. Enumerable.Range(0, 16).Select(type => ((byte)type, (ushort)1, 0u)),
                .. sections.Select(section => ((byte)1, section, 0u)),
            ];
            byte[] file = HandmadeElf.Create(machine, osAbi, sections: [(1, 2), (1, 4)], symbols: symbols);
            string[] reported = [.. Readelf("-sW", file).Select(line => SymbolLine().Match(line))
                .Where(match => match.Success && match.Groups[1].Value != "0")
                .Select(match => $"{Number(match.Groups[2].Value)} {Index(match.Groups[3].Value)}")];
            Assert.Equal(reported, Read(file).Symbols(ElfSymbolSource.Full).Select(symbol => $"{symbol.TypeName} {symbol.SectionIndexName}"));
        }

        // For a type without a name, readelf prints who defines it.
        static string Number(string type) => OwnType().Match(type) is { Success: true } match ? match.Groups[1].Value : type;
        static string Index(string section) => section.Trim();
    }

    [Fact]
    public void Sections_above_65280_are_the_same()
    {
        const int Count = 0x1_0010;
        (byte Info, ushort Section, uint Extended)[] symbols =
        [
            .. new uint[] { 0xff00, 0xff02, 0xfff1, 0xfff2, 0xffff, 0x1_0001 }.Select(index => ((byte)1, (ushort)0xffff, index)),
            (3, 0xffff, 0xfff1), (3, 1, 0), (1, 0xfff1, 0),
        ];
        byte[] file = HandmadeElf.Create(62, sections: [.. Enumerable.Repeat((1u, 2UL), Count)], symbols: symbols);
        using ElfFile elf = Read(file);
        Assert.Equal((Count + 4, (uint)Count + 4, (uint)Count + 1), (elf.Sections.Count, elf.Header.SectionCount, elf.Header.SectionNameIndex));
        ElfSymbol[] found = [.. elf.Symbols(ElfSymbolSource.Full)];
        Assert.Equal(["65280", "65282", "65521", "65522", "65535", "65537", "65521", "1", "ABS"], found.Select(symbol => symbol.SectionIndexName));
        Assert.Equal([".s", ".s", ""], found[6..].Select(symbol => symbol.Name));
        Assert.DoesNotContain(found, symbol => symbol.IsUndefined);
        Assert.Equal(found.Select(symbol => symbol.SectionIndex is var index && symbol.SectionIndexName == "ABS" ? "ABS" : $"{index}"),
            Readelf("-sW", file).Select(line => SymbolLine().Match(line)).Where(match => match.Success && match.Groups[1].Value != "0")
                .Select(match => match.Groups[3].Value.Trim()));
    }

    [Fact]
    public void More_than_65534_segments_are_counted()
    {
        using ElfFile elf = Read(HandmadeElf.Create(62, segments: [.. Enumerable.Repeat(4u, 0x1_0001)]));
        Assert.Equal((0x1_0001, 0x1_0001u), (elf.Segments.Count, elf.Header.SegmentCount));
    }

    private static IEnumerable<uint> Numbers(uint first, uint count)
    {
        for (uint index = 0; index < count; index++)
        {
            yield return first + index;
        }
    }

    private static ElfFile Read(byte[] bytes) => ElfFile.Read(new ElfBufferSource(bytes, "handmade"));

    private static string[] Readelf(string options, byte[] bytes)
    {
        using TemporaryFolder folder = new();
        return Shell.Try(Requires.Tool("readelf"), [options, folder.File("handmade", bytes)]).Output.Split('\n');
    }

    [GeneratedRegex(@"^ +\[ *\d+\] \.s +(.+?) +0{16} ")]
    private static partial Regex SectionLine();

    [GeneratedRegex(@"^ +\[ *\d+\] \.s +PROGBITS +\S+ \S+ \S+ \S+ ([A-Za-z ]*?) +\d+ +\d+ +\d+$")]
    private static partial Regex FlagLine();

    [GeneratedRegex(@"^  (\S.*?) +0x0+ 0x0+ 0x0+ 0x0+ 0x0+ ")]
    private static partial Regex SegmentLine();

    [GeneratedRegex(@"^ *(\d+): 0+ +0 (<[^>]*>: \d+|\S+) +\S+ +DEFAULT +([A-Z]+ ?\[[^\]]*\]|\S+)")]
    private static partial Regex SymbolLine();

    [GeneratedRegex(@"<unknown>|^LO(OS|PROC|USER)\+")]
    private static partial Regex Unnamed();

    [GeneratedRegex(@"<[^>]*>: (\d+)")]
    private static partial Regex OwnType();
}

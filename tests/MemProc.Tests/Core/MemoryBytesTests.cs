using System.Reflection;

namespace MemProc.Tests;

/// <summary>Tests bytes of outputs, the folding of dumps, and texts that are bytes or not.</summary>
public sealed class MemoryBytesTests
{
    [Fact]
    public void Bytes_are_a_list_with_a_text()
    {
        MemoryBytes bytes = [0x67, 0x61, 0x72];
        Assert.Equal("67 61 72", bytes.ToString());
        Assert.Equal(3, bytes.Length);
        Assert.Equal([0x67, 0x61, 0x72], (byte[])bytes!);
        Assert.True(((ReadOnlySpan<byte>)bytes).SequenceEqual("gar"u8));
        Assert.Throws<NotSupportedException>(() => ((IList<byte>)bytes)[0] = 1);
        bytes.ToArray()[0] = 1;
        Assert.Equal(0x67, bytes[0]);
        Assert.Null((byte[]?)(MemoryBytes?)null);
    }

    [Fact]
    public void Equal_lines_of_a_dump_are_folded_and_the_last_one_is_kept()
    {
        byte[] bytes = new byte[16 * 8];
        bytes[16 * 5] = 1;
        string[] lines = [.. HexDump.Lines(0x1000, bytes, (ulong)bytes.Length, [])];
        Assert.Equal([lines[0], "*", lines[5], lines[6], lines[7]], HexDump.Fold(lines));
        Assert.Equal([lines[0], "*", lines[4]], HexDump.Fold(lines[..5]));
        Assert.Equal(lines[5..7], HexDump.Fold(lines[5..7]));
        Assert.Empty(HexDump.Fold([]));
    }

    [Fact]
    public void A_line_of_48_bit_addresses_has_80_columns() =>
        Assert.All(HexDump.Lines(0x7fff_ffff_f000, new byte[64], 64, []), line => Assert.Equal(80, line.Length));

    [Theory]
    [InlineData("48 8b ?? 05", true)]
    [InlineData("0x48 0x8B", true)]
    [InlineData("cafe", true)]
    [InlineData("41 4", true)]
    [InlineData("hunter2", false)]
    [InlineData("GNU C", false)]
    [InlineData("", false)]
    public void What_can_be_bytes_is_bytes(string text, bool isBytes) => Assert.Equal(isBytes, BytePattern.IsBytes(text));

    [Fact]
    public void Bytes_with_0x_are_parsed() => Assert.Equal([5, 0, 0xff], ByteText.Parse("0x05 00 0XFF"));

    [Fact]
    public void A_ranking_keeps_the_largest()
    {
        using SimulatedProcess simulated = new();
        using LinuxProcess process = simulated.Open();
        MemoryRanking ranking = new(2, MemoryCounter.Rss);
        Assert.False(ranking.NeedsDetail);
        Assert.True(new MemoryRanking(1, MemoryCounter.Pss).NeedsDetail);
        foreach (int kilobytes in (int[])[8, 24, 16])
        {
            simulated.Write("status", $"Name:\tx\nVmRSS:\t{kilobytes} kB\n");
            ranking.Add(MemoryStatusReader.Read(process));
        }

        Assert.Equal([24 * 1024UL, 16 * 1024], ranking.Take().Select(status => status.VmRssBytes!.Value));
        Assert.Empty(ranking.Take());
    }

    [Fact]
    public void Every_hex_member_is_of_a_number_and_is_its_text()
    {
        PropertyInfo[] texts = [.. typeof(ProcMap).Assembly.GetExportedTypes().SelectMany(type => type.GetProperties())
            .Where(property => property.Name.EndsWith("Hex", StringComparison.Ordinal))];
        Assert.True(texts.Length > 100);
        Assert.All(texts, text => Assert.True(text.DeclaringType!.GetProperty(text.Name[..^3])?.PropertyType is Type number
            && (number == typeof(ulong) || number == typeof(ulong?) || number == typeof(uint)), $"{text.DeclaringType}.{text.Name}"));
        using LinuxProcess process = LinuxProcess.Open(Environment.ProcessId);
        ProcMap map = MapReader.Read(process).First();
        Assert.Equal($"0x{map.Start:x}", map.StartHex);
    }
}

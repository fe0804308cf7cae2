using System.Text;
using MemProc.Interop;

namespace MemProc.Tests.Interop;

/// <summary>Tests the parser of lines of numa_maps with recorded lines.</summary>
public sealed class NumaMapsLineTests
{
    [Theory]
    [InlineData("557ab4729000 default file=/usr/bin/head mapped=6 N0=6 kernelpagesize_kB=4", 0x557ab4729000UL, "default",
        "file=/usr/bin/head mapped=6 N0=6 kernelpagesize_kB=4")]
    [InlineData("7f0000000000 bind=static:0-1,3 anon=2 dirty=2 N0=1 N3=1 kernelpagesize_kB=4\n", 0x7f0000000000UL,
        "bind=static:0-1,3", "anon=2 dirty=2 N0=1 N3=1 kernelpagesize_kB=4")]
    [InlineData("7f0000000000 prefer (many):0 heap", 0x7f0000000000UL, "prefer (many):0", "heap")]
    [InlineData("7f0000000000 prefer:1 heap", 0x7f0000000000UL, "prefer:1", "heap")]
    [InlineData("7f0000000000 weighted interleave:0-1 stack", 0x7f0000000000UL, "weighted interleave:0-1", "stack")]
    [InlineData("7f0000000000 default", 0x7f0000000000UL, "default", "")]
    public void Parts_are_found(string text, ulong start, string policy, string fields)
    {
        Assert.True(NumaMapsLine.TryParse(Encoding.UTF8.GetBytes(text), out NumaMapsLine line));
        Assert.Equal((start, policy, fields),
            (line.Start, Encoding.UTF8.GetString(line.Policy), Encoding.UTF8.GetString(line.Fields)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("7f0000000000")]
    [InlineData("7f0000000000 ")]
    [InlineData("zz default")]
    [InlineData("fffffffffffffffff default")]
    public void Other_lines_are_rejected(string text) =>
        Assert.False(NumaMapsLine.TryParse(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void Fields_are_words_or_pairs()
    {
        ReadOnlySpan<byte> fields = "huge  N0=5 new=a=b"u8;
        List<string> found = [];
        while (NumaMapsLine.TryTakeField(ref fields, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value))
        {
            found.Add($"{Encoding.UTF8.GetString(name)}|{Encoding.UTF8.GetString(value)}");
        }

        Assert.Equal(["huge|", "N0|5", "new|a=b"], found);
    }
}

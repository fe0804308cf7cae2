using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests lines of /proc/iomem.</summary>
public sealed class IomemLineTests
{
    [Theory]
    [InlineData("00000000-00000fff : Reserved", 0, 0, 0xfff, "Reserved")]
    [InlineData("  0ca00000-0ce16fff : Kernel rodata\n", 1, 0xca00000, 0xce16fff, "Kernel rodata")]
    [InlineData("    4000000000-400007ffff : virtio-pci-modern", 2, 0x4000000000, 0x400007ffff, "virtio-pci-modern")]
    [InlineData("          fed40000-fed44fff : MSFT0101:00", 5, 0xfed40000, 0xfed44fff, "MSFT0101:00")]
    [InlineData("100000000-ffffffffffffffff : PCI mem", 0, 0x100000000, ulong.MaxValue, "PCI mem")]
    // A driver can choose any name.
    [InlineData("00000000-00000fff : a : b - c", 0, 0, 0xfff, "a : b - c")]
    [InlineData("00000000-00000fff : ", 0, 0, 0xfff, "")]
    [InlineData("00000000-00000fff : <BAD>", 0, 0, 0xfff, "<BAD>")]
    public void A_range_line_is_parsed(string text, int depth, ulong start, ulong last, string name)
    {
        Assert.True(IomemLine.TryParse(Encoding.UTF8.GetBytes(text), out IomemLine line));
        Assert.Equal((depth, start, last), (line.Depth, line.Start, line.Last));
        Assert.Equal(name, Encoding.UTF8.GetString(line.Name));
        Assert.False(line.IsZero);
    }

    [Fact]
    public void Addresses_hidden_from_unprivileged_users_are_detected()
    {
        Assert.True(IomemLine.TryParse("  00000000-00000000 : Kernel code"u8, out IomemLine line));
        Assert.True(line.IsZero);
        Assert.Equal(1, line.Depth);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("...")]
    [InlineData("00000000-00000fff")]
    [InlineData("00000000-00000fff Reserved")]
    [InlineData("00000000 00000fff : Reserved")]
    [InlineData("-00000fff : Reserved")]
    [InlineData("00000000- : Reserved")]
    [InlineData("00001000-00000fff : ends before it begins")]
    [InlineData(" 00000000-00000fff : half a level")]
    [InlineData("            00000000-00000fff : deeper than the kernel shows")]
    [InlineData("00000000-10000000000000000 : more than 64 bits")]
    public void Invalid_lines_are_rejected(string text) =>
        Assert.False(IomemLine.TryParse(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void Damaged_lines_never_throw_and_never_end_before_their_start()
    {
        int accepted = 0, refused = 0;
        foreach (byte[] text in Mutation.Of(
            "00100000-1fedffff : System RAM\n", "  0ca00000-0ce16fff : Kernel rodata", "    fec00000-fec003ff : IOAPIC 0"))
        {
            bool isLine = IomemLine.TryParse(text, out IomemLine line);
            _ = isLine ? accepted++ : refused++;
            Assert.True(line.Start <= line.Last && line.Depth is >= 0 and <= IomemLine.MaxDepth);
        }

        Assert.True(accepted > 1000 && refused > 1000, $"{accepted} accepted, {refused} refused");
    }
}

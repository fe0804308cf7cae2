using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests lines of /proc/PID/status.</summary>
public sealed class StatusLineTests
{
    [Theory]
    [InlineData("VmRSS:\t    1780 kB\n", "VmRSS", 1780UL * 1024)]
    [InlineData("HugetlbPages:\t       0 kB", "HugetlbPages", 0UL)]
    [InlineData("VmPeak:\t53309034496 kB", "VmPeak", 53309034496UL * 1024)]
    [InlineData("VmYetUnknown:\t      12 kB", "VmYetUnknown", 12288UL)]
    public void A_counter_is_in_bytes(string text, string name, ulong expected)
    {
        Assert.True(StatusLine.TryParse(Encoding.UTF8.GetBytes(text), out StatusLine line));
        Assert.Equal(name, Encoding.UTF8.GetString(line.Name));
        Assert.True(line.TryBytes(out ulong bytes));
        Assert.Equal(expected, bytes);
    }

    [Theory]
    [InlineData("State:\tS (sleeping)\n", "State", "S (sleeping)")]
    [InlineData("Threads:\t8", "Threads", "8")]
    [InlineData("Groups:\t ", "Groups", "")]
    [InlineData("CapEff:\t000001fffeffffff", "CapEff", "000001fffeffffff")]
    [InlineData("VmSize:\t99999999999999999999 kB", "VmSize", "99999999999999999999 kB")]
    [InlineData("VmSize:\t18446744073709551615 kB", "VmSize", "18446744073709551615 kB")]
    [InlineData("VmSize:\t12 MB", "VmSize", "12 MB")]
    // A process can have any name.
    [InlineData("Name:\t12 kB", "Name", "12 kB")]
    [InlineData("Name:\ta: b", "Name", "a: b")]
    public void Other_values_stay_text(string text, string name, string expected)
    {
        Assert.True(StatusLine.TryParse(Encoding.UTF8.GetBytes(text), out StatusLine line));
        Assert.Equal((name, expected), (Encoding.UTF8.GetString(line.Name), Encoding.UTF8.GetString(line.Text)));
        Assert.False(line.TryBytes(out ulong bytes));
        Assert.Equal(0UL, bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData(":\t12 kB")]
    [InlineData("VmRSS 12 kB")]
    public void Invalid_lines_are_rejected(string text) =>
        Assert.False(StatusLine.TryParse(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void Damaged_lines_never_throw()
    {
        int counters = 0, others = 0;
        foreach (byte[] text in Mutation.Of("VmRSS:\t    1780 kB\n", "State:\tS (sleeping)\n", "RssShmem:\t       0 kB"))
        {
            _ = StatusLine.TryParse(text, out StatusLine line) && line.TryBytes(out _) ? counters++ : others++;
        }

        Assert.True(counters > 1000 && others > 1000, $"{counters} counters, {others} others");
    }
}

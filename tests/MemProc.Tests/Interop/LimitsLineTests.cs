using System.Text;
using MemProc.Interop;

namespace MemProc.Tests.Interop;

/// <summary>Tests the parser of lines of limits with recorded lines.</summary>
public sealed class LimitsLineTests
{
    [Theory]
    [InlineData("Max locked memory         8388608              67108864             bytes     ", "Max locked memory", 8388608UL, 67108864UL)]
    [InlineData("Max address space         unlimited            unlimited            bytes     ", "Max address space", ulong.MaxValue, ulong.MaxValue)]
    [InlineData("Max nice priority         0                    1                    ", "Max nice priority", 0UL, 1UL)]
    [InlineData("Max cpu time              18446744073709551614 unlimited            seconds   ", "Max cpu time", ulong.MaxValue - 1, ulong.MaxValue)]
    public void Name_and_limits_are_found(string text, string name, ulong soft, ulong hard)
    {
        Assert.True(LimitsLine.TryParse(Encoding.UTF8.GetBytes(text), out LimitsLine line));
        Assert.Equal((name, soft, hard), (Encoding.UTF8.GetString(line.Name), line.Soft, line.Hard));
    }

    [Theory]
    [InlineData("Limit                     Soft Limit           Hard Limit           Units     ")]
    [InlineData("")]
    [InlineData("Max locked memory         8388608")]
    [InlineData("Max locked memory         8388608              many                 bytes")]
    public void Other_lines_are_rejected(string text) =>
        Assert.False(LimitsLine.TryParse(Encoding.UTF8.GetBytes(text), out _));
}

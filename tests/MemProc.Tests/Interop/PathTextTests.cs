using System.Text;
using MemProc.Interop;

namespace MemProc.Tests.Interop;

/// <summary>Tests that the bytes of a path survive as text.</summary>
public sealed class PathTextTests
{
    [Theory]
    // Lone surrogates are written as \udcff: they do not survive in the data of a theory.
    [InlineData("/usr/lib/libc.so.6", "2f7573722f6c69622f6c6962632e736f2e36")]
    [InlineData("ü€😀", "c3bce282acf09f9880")]
    [InlineData("a\\udcff", "61ff")]
    [InlineData("\\udcc3(", "c328")]
    [InlineData("\\udced\\udcb2\\udc80", "edb280")]
    [InlineData("\\udcf0\\udc9f\\udc98", "f09f98")]
    [InlineData("😀\\udc80", "f09f988080")]
    [InlineData("", "")]
    public void Bytes_that_are_not_utf8_are_lone_surrogates(string text, string bytes)
    {
        text = System.Text.RegularExpressions.Regex.Unescape(text);
        Assert.Equal(text, PathText.Decode(Convert.FromHexString(bytes)));
        Assert.Equal(bytes, Convert.ToHexStringLower(PathText.Encode(text)));
    }

    [Fact]
    public void Any_bytes_come_back()
    {
        Random random = new(7);
        byte[] alphabet = [.. "a/"u8, 0x80, 0xbf, 0xc3, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0xf0, 0x9f, 0x98, 0xff];
        for (int count = 0; count < 100_000; count++)
        {
            byte[] bytes = new byte[random.Next(12)];
            for (int at = 0; at < bytes.Length; at++)
            {
                bytes[at] = alphabet[random.Next(alphabet.Length)];
            }

            Assert.Equal(bytes, PathText.Encode(PathText.Decode(bytes)));
        }
    }

    [Fact]
    public void Other_lone_surrogates_are_replaced_as_usual() => Assert.Equal("a\ufffdb"u8, PathText.Encode("a\ud800b"));

    [Fact]
    public void Valid_text_is_what_it_was() =>
        Assert.Equal(Encoding.UTF8.GetBytes("naïve 😀/ﬁle"), PathText.Encode("naïve 😀/ﬁle"));
}

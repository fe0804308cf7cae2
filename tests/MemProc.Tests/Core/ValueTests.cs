using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests input and output formats: addresses, numbers, sizes, dumps, text from processes.</summary>
public sealed class ValueTests
{
    [Theory]
    [InlineData("0x7ffd2de47000", 0x7ffd2de47000UL)]
    [InlineData("0X10", 16UL)]
    [InlineData("7ffd2de47000", 0x7ffd2de47000UL)]
    [InlineData("400000", 400000UL)]
    [InlineData("0xffffffffff600000", 0xffffffffff600000UL)]
    [InlineData("18446744073709551615", ulong.MaxValue)]
    [InlineData("ffff`8000`0000`0000", 0xffff800000000000UL)]
    [InlineData("0x7f_ff", 0x7fffUL)]
    [InlineData(" 0x10 ", 16UL)]
    public void Addresses_are_parsed_as_documented(string text, ulong expected)
    {
        Assert.Equal(expected, NumberText.Parse(text));
        Assert.Equal($"0x{expected:x}", AddressExpression.Parse(text).ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("0x")]
    [InlineData("0x1ffffffffffffffff")]
    [InlineData("18446744073709551616")]
    [InlineData("12,3")]
    [InlineData("0x10 0x20")]
    [InlineData("\e[31m")]
    public void Invalid_addresses_are_rejected_with_a_reason(string text)
    {
        FormatException error = Assert.Throws<FormatException>(() => AddressExpression.Parse(text));
        Assert.Contains("not a valid address", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', error.Message);
    }

    [Theory]
    [InlineData(0UL, "0 B")]
    [InlineData(1023UL, "1023 B")]
    [InlineData(1024UL, "1 KiB")]
    [InlineData(135168UL, "132 KiB")]
    [InlineData(1610612736UL, "1.5 GiB")]
    [InlineData(1UL << 40, "1 TiB")]
    [InlineData(ulong.MaxValue, "16 EiB")]
    public void Sizes_are_readable(ulong bytes, string expected) => Assert.Equal(expected, HumanSize.Format(bytes));

    [Theory]
    [InlineData("/usr/lib/libc.so.6", "/usr/lib/libc.so.6")]
    [InlineData("a\e[31mb", "a\\x1b[31mb")]
    [InlineData("a\nb\tc\0d\x7f", "a\\x0ab\\x09c\\x00d\\x7f")]
    [InlineData("\u009b31m", "\\x9b31m")]
    [InlineData("a\u202eb", "a\\u202eb")]
    [InlineData("ü中😀", "ü中😀")]
    [InlineData("a\u00adb\u061cc\u200bd", "a\\xadb\\u061cc\\u200bd")]
    [InlineData("a\U000e0041b", "a\\udb40\\udc41b")]
    public void Control_characters_in_process_text_are_escaped(string text, string expected) =>
        Assert.Equal(expected, SafeText.Escape(text));

    [Fact]
    public void An_unpaired_surrogate_is_escaped() => Assert.Equal("\\ud800x", SafeText.Escape("\ud800x"));

    [Theory]
    [InlineData("/usr/lib/x86_64-linux-gnu/libc.so.6", 20, "/usr/li…nu/libc.so.6")]
    [InlineData("short", 20, "short")]
    [InlineData("0123456789", 3, "012…6789")]
    public void Long_paths_are_shortened_in_the_middle(string text, int width, string expected) =>
        Assert.Equal(expected, SafeText.ShortenMiddle(text, width));

    [Fact]
    public void A_dump_shows_real_addresses_and_distinguishes_gaps_from_zeros()
    {
        byte[] bytes = new byte[0x50];
        "garlic"u8.CopyTo(bytes);
        MemoryGap[] gaps = [new(0x1018, 2, MemoryGapKind.Unreadable, Errno.EFAULT), new(0x1020, 0x22, MemoryGapKind.Unreadable, Errno.EIO)];
        Assert.Equal(
        [
            "0x000000001000          67 61 72 6c 69  63 00 00 00 00 00 00 00    garlic.......",
            "0x000000001010 00 00 00 00 00 00 00 00  -- -- 00 00 00 00 00 00 ........  ......",
            "0x000000001020 -- 34 B unreadable: Input/output error (EIO) --",
            "0x000000001040 -- -- 00 00 00 00 00 00  00 00 00 00 00 00 00 00   ..............",
            "0x000000001050 00 00 00                                         ...",
        ], HexDump.Lines(0x1003, bytes, 0x50, gaps));
    }

    [Fact]
    public void A_dump_of_nothing_but_a_gap_is_one_line()
    {
        MemoryGap[] gaps = [new(0x1003, 1UL << 40, MemoryGapKind.Unreadable, Errno.EFAULT)];
        Assert.Equal(["0x000000001003 -- 1 TiB unreadable: Bad address (EFAULT) --"],
            HexDump.Lines(0x1003, ReadOnlyMemory<byte>.Empty, 1UL << 40, gaps));
    }

    [Theory]
    [InlineData(MemoryValueType.SByte, "-2", "fe", (sbyte)-2)]
    [InlineData(MemoryValueType.Byte, "0xff", "ff", (byte)255)]
    [InlineData(MemoryValueType.Int16, -2, "feff", (short)-2)]
    [InlineData(MemoryValueType.UInt16, 65534, "feff", (ushort)65534)]
    [InlineData(MemoryValueType.Int32, "100", "64000000", 100)]
    [InlineData(MemoryValueType.Int32, 100.0, "64000000", 100)]
    [InlineData(MemoryValueType.Int32, "0xffffffff", "ffffffff", -1)]
    [InlineData(MemoryValueType.UInt32, 4294967295L, "ffffffff", 4294967295u)]
    [InlineData(MemoryValueType.Int64, -1, "ffffffffffffffff", -1L)]
    [InlineData(MemoryValueType.UInt64, "18446744073709551615", "ffffffffffffffff", ulong.MaxValue)]
    [InlineData(MemoryValueType.Single, "1.5", "0000c03f", 1.5f)]
    [InlineData(MemoryValueType.Double, 1.5, "000000000000f83f", 1.5)]
    [InlineData(MemoryValueType.Pointer, "0x7ffd2de47000", "0070e42dfd7f0000", 0x7ffd2de47000UL)]
    [InlineData(MemoryValueType.Bool, true, "01", true)]
    [InlineData(MemoryValueType.Bool, "False", "00", false)]
    [InlineData(MemoryValueType.Bool, 1, "01", true)]
    [InlineData(MemoryValueType.Char8, "A", "41", 'A')]
    [InlineData(MemoryValueType.Char8, 'ÿ', "ff", 'ÿ')]
    [InlineData(MemoryValueType.Char16, "ж", "3604", 'ж')]
    [InlineData(MemoryValueType.Char16, 65, "4100", 'A')]
    public void Values_become_bytes_and_back(MemoryValueType type, object value, string bytes, object decoded)
    {
        byte[] encoded = MemoryValue.Encode(value, type);
        Assert.Equal(bytes, Convert.ToHexStringLower(encoded));
        Assert.Equal(MemoryValue.SizeOf(type), encoded.Length);
        object back = MemoryValue.Decode(encoded, type);
        Assert.Equal(decoded, back);
        Assert.IsType(decoded.GetType(), back);
    }

    [Fact]
    public void Values_without_a_constant_become_bytes_and_back()
    {
        Back((Half)1.5, "1.5", "003e", MemoryValueType.Half);
        Back((Half)(-2), (Half)(-2), "00c0", MemoryValueType.Half);
        Back(Int128.MinValue, "-170141183460469231731687303715884105728", "00000000000000000000000000000080",
            MemoryValueType.Int128);
        Back((Int128)(-1), -1, "ffffffffffffffffffffffffffffffff", MemoryValueType.Int128);
        Back(UInt128.MaxValue, UInt128.MaxValue, "ffffffffffffffffffffffffffffffff", MemoryValueType.UInt128);
        Back((UInt128)1 << 64, "0x10000000000000000", "00000000000000000100000000000000", MemoryValueType.UInt128);

        static void Back(object decoded, object value, string bytes, MemoryValueType type)
        {
            byte[] encoded = MemoryValue.Encode(value, type);
            Assert.Equal(bytes, Convert.ToHexStringLower(encoded));
            Assert.Equal(decoded, MemoryValue.Decode(encoded, type));
        }
    }

    [Theory]
    [InlineData(MemoryValueType.UInt16, "1234", (ushort)0x1234)]
    [InlineData(MemoryValueType.Int32, "fffffffe", -2)]
    [InlineData(MemoryValueType.UInt64, "0102030405060708", 0x0102030405060708UL)]
    [InlineData(MemoryValueType.Double, "3ff8000000000000", 1.5)]
    [InlineData(MemoryValueType.Byte, "07", (byte)7)]
    public void Big_endian_values_are_read(
        MemoryValueType type, string bytes, object expected) =>
        Assert.Equal(expected, MemoryValue.Decode(Convert.FromHexString(bytes), type, isBigEndian: true));

    [Theory]
    [InlineData("250", 250)]
    [InlineData("250ms", 250)]
    [InlineData("1.5s", 1500)]
    [InlineData("5m", 300_000)]
    [InlineData("1H", 3_600_000)]
    [InlineData("00:00:02.5", 2500)]
    public void Time_spans_are_parsed(string text, double milliseconds) =>
        Assert.Equal(milliseconds, Duration.Parse(text).TotalMilliseconds);

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("1e3")]
    [InlineData("soon")]
    [InlineData("-00:00:01")]
    [InlineData("99999999999999999999h")]
    public void Invalid_time_spans_are_rejected(string text) =>
        Assert.Throws<FormatException>(() => Duration.Parse(text));

    [Theory]
    [InlineData(MemoryValueType.Bool, 2)]
    [InlineData(MemoryValueType.Char8, 'ж')]
    [InlineData(MemoryValueType.Byte, 256)]
    [InlineData(MemoryValueType.UInt32, -1)]
    [InlineData(MemoryValueType.Int16, "100000")]
    [InlineData(MemoryValueType.Int64, "9223372036854775808")]
    [InlineData(MemoryValueType.SByte, "0x100")]
    public void Values_out_of_range_are_rejected(MemoryValueType type, object value) =>
        Assert.Throws<OverflowException>(() => MemoryValue.Encode(value, type));

    [Theory]
    [InlineData(MemoryValueType.Int32, "garlic")]
    [InlineData(MemoryValueType.Int32, "1.5")]
    [InlineData(MemoryValueType.Int32, 1.5)]
    [InlineData(MemoryValueType.Double, "1,5")]
    [InlineData(MemoryValueType.Int32, "1,000")]
    [InlineData(MemoryValueType.Int32, "0xyz")]
    public void Invalid_numbers_are_rejected(MemoryValueType type, object value) =>
        Assert.Throws<FormatException>(() => MemoryValue.Encode(value, type));

    [Theory]
    [InlineData("r-x", "r-xp,r-xs")]
    [InlineData("rw-p", "rw-p")]
    [InlineData("?w??", "-w-p,-w-s,-wxp,-wxs,rw-p,rw-s,rwxp,rwxs")]
    [InlineData("*x*", "--xp,--xs,-wxp,-wxs,r-xp,r-xs,rwxp,rwxs")]
    [InlineData("*s", "---s,--xs,-w-s,-wxs,r--s,r-xs,rw-s,rwxs")]
    public void Permission_patterns_match(string pattern, string expected)
    {
        using SimulatedProcess simulated = new();
        IEnumerable<string> all = from r in "-r" from w in "-w" from x in "-x" from s in "ps" select $"{r}{w}{x}{s}";
        simulated.Write("maps", string.Concat(all.Select((permissions, index) =>
            $"40{index:x}000-40{index:x}fff {permissions} 00000000 00:00 0\n")));
        using LinuxProcess process = simulated.Open();
        MapFilter filter = new() { Permissions = [pattern] };
        Assert.Equal(expected.Split(',').Order(StringComparer.Ordinal),
            MapReader.Read(process).Where(filter.Matches).Select(map => map.Permissions).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("xwr")]
    [InlineData("rwxps")]
    [InlineData("")]
    public void Permission_patterns_that_can_match_nothing_are_rejected(string pattern) =>
        Assert.Throws<ArgumentException>(() => new MapFilter { Permissions = [pattern] });
}

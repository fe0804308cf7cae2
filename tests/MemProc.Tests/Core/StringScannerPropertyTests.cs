using System.Globalization;
using System.Text;

namespace MemProc.Tests;

/// <summary>Compares the strings of random bytes with those of a simple search, character by character.</summary>
public sealed class StringScannerPropertyTests
{
    private const int MaxCharacterBytes = 4;

    /// <summary>Bytes after a buffer that the scanner may read.</summary>
    private const int Spare = 192;

    private static readonly byte[] Odd = [0, 9, 32, 65, 0x7e, 0x7f, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0xff, 0xc0, 0xed];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(64)]
    [InlineData(100)]
    public void Strings_are_those_of_a_simple_search(int minLength)
    {
        Random random = new(minLength);
        int count = 0;
        for (int round = 0; round < 3000; round++)
        {
            // Some are longer than the masks that are calculated at a time, which stand for 4096 bytes.
            int length = random.Next(1, round % 50 == 0 ? 10_000 : 500);
            byte[] bytes = Mixture(random, length + Spare, maxRun: random.Next(4) == 0 ? 300 : 12);
            int from = random.Next(length), to = random.Next(from + 1, length + 1), end = random.Next(to, length + 1);
            SearchWindow window = new(0x1000, 0, end, from, to);
            MemoryStringEncoding? encoding = random.Next(5) is var kind and < 3 ? (MemoryStringEncoding)kind : null;
            List<FoundString> found = [];
            new StringScanner(encoding, minLength).Scan(bytes, window, found);
            FoundString[] expected = [.. Enum.GetValues<MemoryStringEncoding>().Where(one => encoding is null || one == encoding)
                .SelectMany(one => Simple(bytes, window, one, minLength)).OrderBy(one => one.Offset).ThenBy(one => one.Encoding)];
            Assert.Equal(expected, found);
            count += found.Count;
        }

        Assert.True(count > 3000);
    }

    private static IEnumerable<FoundString> Simple(byte[] bytes, SearchWindow window, MemoryStringEncoding encoding, int minLength)
    {
        int start = -1, characters = 0;
        bool isComplete = encoding != MemoryStringEncoding.Utf8;
        for (int at = window.From; ;)
        {
            int length = at < window.To ? CharacterAt(bytes.AsSpan(at, window.End - at), encoding) : 0;
            if (length > 0)
            {
                start = start < 0 ? at : start;
                characters++;
                isComplete |= length > 1;
                at += length;
                continue;
            }

            bool isInside = start >= window.From + MaxCharacterBytes && at < window.To;
            if (start >= 0 && (!isInside || (characters >= minLength && isComplete)))
            {
                yield return new FoundString(
                    window.AddressOf(start), start, at - start, characters, encoding, isComplete, at >= window.To);
            }

            (start, characters, isComplete) = (-1, 0, encoding != MemoryStringEncoding.Utf8);
            if (++at > window.To)
            {
                yield break;
            }
        }
    }

    /// <summary>Returns the length of the printable character that bytes begin with; 0: none.</summary>
    private static int CharacterAt(ReadOnlySpan<byte> bytes, MemoryStringEncoding encoding)
    {
        bool isAscii = bytes[0] is 9 or >= 32 and <= 126;
        if (encoding == MemoryStringEncoding.Utf16)
        {
            return isAscii && bytes.Length > 1 && bytes[1] == 0 ? 2 : 0;
        }

        if (encoding == MemoryStringEncoding.Ascii || bytes[0] < 0x80)
        {
            return isAscii ? 1 : 0;
        }

        return Rune.DecodeFromUtf8(bytes, out Rune character, out int length) == System.Buffers.OperationStatus.Done
            && Rune.GetUnicodeCategory(character) is not (UnicodeCategory.Control or UnicodeCategory.Format
                or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator)
            ? length
            : 0;
    }

    private static byte[] Mixture(Random random, int length, int maxRun)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        byte[] characters = Encoding.UTF8.GetBytes("é€\ud83d\ude00");
        for (int at = 0; at < length;)
        {
            int kind = random.Next(5), end = Math.Min(length, at + random.Next(1, maxRun));
            for (int index = 0; at < end; at++, index++)
            {
                bytes[at] = kind switch
                {
                    0 => (byte)random.Next(32, 127),
                    1 => Odd[random.Next(Odd.Length)],
                    2 => (byte)(index % 2 == 0 ? 'u' : 0),
                    3 => characters[index % characters.Length],
                    _ => bytes[at],
                };
            }
        }

        return bytes;
    }
}

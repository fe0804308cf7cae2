using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace MemProc.Tests;

/// <summary>
/// Compares searches of random memory with a simple search. Blocks are small, so that the memory contains many
/// boundaries. It has three adjacent mappings.
/// </summary>
public sealed class MemorySearchPropertyTests : IDisposable
{
    private const int Pages = 24;
    private static readonly int Size = Pages * (int)Page.Size;

    private readonly TargetProcess _target = TargetProcess.Start();
    private readonly LinuxProcess _process;
    private readonly ulong _address;
    private byte[] _bytes = [];

    public MemorySearchPropertyTests()
    {
        _address = _target.Ask($"map {Size} rw- private").Address("address");
        // Three mappings that the kernel does not merge.
        _target.Ask($"protect {_address + 8 * Page.Size} {8 * Page.Size} rwx");
        _process = LinuxProcess.Open(_target.ProcessId);
    }

    public void Dispose()
    {
        _process.Dispose();
        _target.Dispose();
    }

    [Fact]
    public void A_needle_at_every_offset_around_block_and_mapping_boundaries_is_found_once()
    {
        byte[] needle = [1, 2, 3, 4, 5, 6, 7];
        Fill(new byte[Size]);
        foreach (int chunk in new[] { 2, 3, 8 })
        {
            for (int page = 1; page < Pages; page++)
            {
                for (int offset = -8; offset <= 1; offset++)
                {
                    ulong address = _address + (ulong)page * Page.Size + (ulong)offset;
                    Write(address, needle);
                    MemoryMatch match = Assert.Single(
                        Search(BytePattern.Exact(needle), 0, Size, chunk * (int)Page.Size, workers: 2));
                    Assert.Equal((address, needle.Length), (match.Address, (int)match.Length));
                    Assert.Equal(page + (offset < 0 ? -1 : 0) is >= 8 and < 16 ? "rwxp" : "rw-p", match.Permissions);
                    Write(address, new byte[needle.Length]);
                }
            }
        }
    }

    [Fact]
    public void Byte_patterns_with_wildcards_match_like_a_simple_search()
    {
        Random random = new(20);
        for (int round = 0; round < 150; round++)
        {
            FillRandom(random, [0, 1, 2, 0x12]);
            string hex = string.Join(' ', Enumerable.Range(0, random.Next(1, 10)).Select(_ =>
                random.Next(4) switch { 0 => "??", 1 => "0?", 2 => "?2", _ => $"{random.Next(3):x2}" })) + " 0?";
            int alignment = 1 << random.Next(8);
            (int from, int length) = RandomRange(random);
            string[] words = hex.Split(' ');
            var expected = Enumerable.Range(from, length)
                .Where(at => at + words.Length <= from + length && (_address + (ulong)at) % (ulong)alignment == 0
                    && words.Index().All(word => Matches(word.Item, _bytes[at + word.Index])));
            AssertFound(expected.Select(at => (at, words.Length)), BytePattern.Parse(hex, alignment), from, length, random,
                $"round {round}: {hex}, alignment {alignment}");
        }
    }

    [Fact]
    public void Numbers_match_like_a_simple_search()
    {
        Random random = new(21);
        for (int round = 0; round < 220; round++)
        {
            // These bytes form numbers around 0, large ones, infinities and NaNs.
            FillRandom(random, [0, 0, 0, 1, 0x7f, 0x80, 0xff, 0xf0]);
            MemoryValueType type = (MemoryValueType)(round % 11);
            int size = MemoryValue.SizeOf(type);
            int alignment = random.Next(2) == 0 ? size : 1 << random.Next(4);
            object first = Number(random, type, size), second = Number(random, type, size);
            bool isNaN = first is double.NaN or float.NaN || second is double.NaN or float.NaN;
            (ValueCondition condition, Func<object, bool> matches) = (isNaN ? 0 : random.Next(4)) switch
            {
                0 => (ValueCondition.EqualTo(type, first), (Func<object, bool>)(value => Equal(value, first))),
                1 when !IsExtreme(first) => (ValueCondition.GreaterThan(type, first), value => Compare(value, first) > 0),
                2 when !IsExtreme(first) => (ValueCondition.LessThan(type, first), value => Compare(value, first) < 0),
                _ when Compare(first, second) <= 0 => (ValueCondition.Between(type, first, second),
                    value => Compare(value, first) >= 0 && Compare(value, second) <= 0),
                _ => (ValueCondition.Between(type, second, first),
                    value => Compare(value, second) >= 0 && Compare(value, first) <= 0),
            };
            (int from, int length) = RandomRange(random);
            var expected = Enumerable.Range(from, length)
                .Where(at => at + size <= from + length && (_address + (ulong)at) % (ulong)alignment == 0
                    && matches(MemoryValue.Decode(_bytes.AsSpan(at), type)));
            AssertFound(expected.Select(at => (at, size)), new ValuePattern(condition, alignment), from, length, random,
                $"round {round}: {type} {first} {second}, alignment {alignment}");
        }
    }

    [Fact]
    public void Regular_expressions_match_like_on_the_whole_text()
    {
        string[] expressions =
        [
            "a+b", "(?<=c)a{2,}", "[ab]{3,7}", "a.*?c", "(?s)a.{0,9}b", "(?s)a.{0,150}b", @"\x00{2}", "c?", @"ab(?!c)",
            "[^c]{70,}", "(?i)AB",
        ];
        const int MaxInterval = 64;
        Random random = new(22);
        for (int round = 0; round < 66; round++)
        {
            // Without a newline, "a.*?c" would read the rest of the text from each "a".
            FillRandom(random, round % 3 == 0 ? "aaaaaaaaaaaaaaaaab\n"u8.ToArray() : "abc\0\n"u8.ToArray());
            string expression = expressions[round % expressions.Length];
            (int from, int length) = RandomRange(random);
            AssertFound(InWholeText(new Regex(expression, RegexOptions.CultureInvariant),
                Encoding.Latin1.GetString(_bytes, from, length), MaxInterval).Select(match => (match.At + from, match.Length)),
                new RegexPattern(expression, maxMatchLength: MaxInterval), from, length, random, $"round {round}: {expression}");
        }
    }

    private static IEnumerable<(int At, int Length)> InWholeText(Regex regex, string text, int longest)
    {
        for (int at = 0; at < text.Length && regex.Match(text, at) is { Success: true } match;)
        {
            int length = match.Length;
            if (length > longest)
            {
                Match same = regex.Match(text[..(match.Index + longest)], match.Index);
                length = same.Success && same.Index == match.Index ? same.Length : 0;
            }

            if (length > 0)
            {
                yield return (match.Index, length);
            }

            at = match.Index + Math.Max(length, 1);
        }
    }

    private static bool Matches(string word, byte value)
    {
        string hex = value.ToString("x2", CultureInfo.InvariantCulture);
        return word.Index().All(digit => digit.Item == '?' || digit.Item == hex[digit.Index]);
    }

    private static object Number(Random random, MemoryValueType type, int size)
    {
        byte[] bytes = new byte[size];
        byte[] alphabet = [0, 0, 0, 1, 0x7f, 0x80, 0xff, 0xf0];
        for (int index = 0; index < size; index++)
        {
            bytes[index] = alphabet[random.Next(alphabet.Length)];
        }

        return MemoryValue.Decode(bytes, type);
    }

    private static bool IsExtreme(object value) => value switch
    {
        sbyte number => number is sbyte.MinValue or sbyte.MaxValue,
        byte number => number is byte.MinValue or byte.MaxValue,
        short number => number is short.MinValue or short.MaxValue,
        ushort number => number is ushort.MinValue or ushort.MaxValue,
        int number => number is int.MinValue or int.MaxValue,
        uint number => number is uint.MinValue or uint.MaxValue,
        long number => number is long.MinValue or long.MaxValue,
        ulong number => number is ulong.MinValue or ulong.MaxValue,
        float number => float.IsInfinity(number),
        double number => double.IsInfinity(number),
        _ => false,
    };

    private static bool Equal(object value, object other) => value switch
    {
        float number => number == (float)other || (float.IsNaN(number) && float.IsNaN((float)other)),
        double number => number == (double)other || (double.IsNaN(number) && double.IsNaN((double)other)),
        _ => value.Equals(other),
    };

    /// <summary>Returns the order as a number below, equal to or above 0; null for NaN, which has no order.</summary>
    private static int? Compare(object value, object other)
    {
        if (value is float or double)
        {
            double left = Convert.ToDouble(value, null), right = Convert.ToDouble(other, null);
            return left < right ? -1 : left > right ? 1 : left == right ? 0 : null;
        }

        return Comparer<object>.Default.Compare(value, other);
    }

    private void AssertFound(
        IEnumerable<(int At, int Length)> expected, SearchPattern pattern, int from, int length, Random random, string what)
    {
        int chunk = random.Next(1, 9) * (int)Page.Size;
        IEnumerable<MemoryMatch> found = Search(pattern, from, length, chunk, random.Next(1, 4));
        using IEnumerator<MemoryMatch> matches = found.GetEnumerator();
        foreach ((int at, int bytes) in expected)
        {
            // Builds the message only on failure, for speed.
            if (!matches.MoveNext())
            {
                Assert.Fail($"{what}: nothing at {at}");
            }

            MemoryMatch match = matches.Current;
            if ((at, bytes) != ((int)(match.Address - _address), match.Bytes.Length)
                || !_bytes.AsSpan(at, bytes).SequenceEqual(match.Bytes))
            {
                Assert.Fail($"{what}: {match.Length} at {match.Address - _address} instead of {bytes} at {at}");
            }
        }

        Assert.False(matches.MoveNext(), $"{what}: more than expected");
    }

    private IEnumerable<MemoryMatch> Search(SearchPattern pattern, int from, int length, int chunk, int workers) =>
        new MemorySearch(_process, pattern)
        {
            Range = SearchRange.All.From(_address + (ulong)from, (ulong)length),
            ChunkBytes = chunk,
            Workers = workers,
        }.Find();

    private static (int From, int Length) RandomRange(Random random)
    {
        int from = random.Next(3 * (int)Page.Size);
        return (from, Size - from - random.Next(3 * (int)Page.Size));
    }

    private void FillRandom(Random random, byte[] alphabet)
    {
        byte[] bytes = new byte[Size];
        random.GetItems<byte>(alphabet, bytes);
        Fill(bytes);
    }

    private void Fill(byte[] bytes)
    {
        _bytes = bytes;
        Write(_address, bytes);
    }

    private void Write(ulong address, byte[] bytes) =>
        MemorySearchTests.Write(_process, address, bytes);
}

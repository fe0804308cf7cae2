using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace MemProc;

/// <summary>
/// Bytes, of which some bits may have any value. Matches can overlap.
/// </summary>
public sealed class BytePattern : SearchPattern
{
    /// <summary>Offsets that are compared at a time.</summary>
    private const int Step = 32;

    private readonly byte[] _values;
    private readonly byte[] _masks;
    private readonly Encoding? _encoding;
    private readonly bool _isExact;

    /// <summary>The two bytes of the pattern that are rarest in memory. They are compared first.</summary>
    private readonly int _anchor;
    private readonly int _secondAnchor;

    private BytePattern(byte[] values, byte[] masks, int alignment, Encoding? encoding)
        : base(values.Length, alignment)
    {
        _values = values;
        _masks = masks;
        _encoding = encoding;
        _isExact = !masks.AsSpan().ContainsAnyExcept((byte)0xff);
        int[] byRarity = [.. Enumerable.Range(0, values.Length).OrderBy(ByteFrequency)];
        _anchor = byRarity[0];
        _secondAnchor = byRarity.Length > 1 && _masks[byRarity[1]] != 0 ? byRarity[1] : _anchor;
    }

    /// <inheritdoc/>
    internal override int Find(SearchChunk chunk, in SearchWindow window, ref int next, Span<FoundMatch> found)
    {
        ref byte origin = ref MemoryMarshal.GetArrayDataReference(chunk.Buffer);
        int end = Math.Min(window.To, window.End - _values.Length + 1);
        int at = Align(window, next);
        int step = Math.Max(Step, Alignment);
        uint aligned = AlignedStarts();
        int anchor = _anchor, second = _secondAnchor;
        Vector256<byte> value = Vector256.Create(_values[anchor]), mask = Vector256.Create(_masks[anchor]);
        Vector256<byte> secondValue = Vector256.Create(_values[second]), secondMask = Vector256.Create(_masks[second]);
        int count = 0;
        for (; at < end; at += step)
        {
            Vector256<byte> matches =
                Vector256.Equals(Vector256.LoadUnsafe(ref origin, (nuint)(at + anchor)) & mask, value)
                & Vector256.Equals(Vector256.LoadUnsafe(ref origin, (nuint)(at + second)) & secondMask, secondValue);
            uint starts = matches.ExtractMostSignificantBits() & aligned;
            while (starts != 0)
            {
                int start = at + BitOperations.TrailingZeroCount(starts);
                if (start >= end)
                {
                    break;
                }

                starts &= starts - 1;
                if (!MatchesAt(ref Unsafe.Add(ref origin, start)))
                {
                    continue;
                }

                found[count++] = new FoundMatch(start, _values.Length);
                if (count == found.Length)
                {
                    next = start + 1;
                    return count;
                }
            }
        }

        next = window.To;
        return count;
    }

    /// <inheritdoc/>
    internal override object? ValueOf(ReadOnlySpan<byte> bytes) => _encoding?.GetString(bytes);

    /// <summary>Creates a pattern of exact bytes.</summary>
    /// <param name="bytes">At least one byte.</param>
    /// <param name="alignment">Matches begin at multiples of this.</param>
    /// <exception cref="ArgumentException">No bytes, or too many; the alignment is not valid.</exception>
    public static BytePattern Exact(byte[] bytes, int alignment = 1) =>
        Create([.. bytes], [.. Enumerable.Repeat((byte)0xff, bytes.Length)], alignment, null);

    /// <summary>Parses bytes in hex with wildcards: <c>48 8b ?? 05</c>, <c>488b??05</c>, <c>4? ?b</c>.</summary>
    /// <param name="text">The bytes; <c>?</c> stands for any digit, and alone for any byte.</param>
    /// <param name="alignment">Matches begin at multiples of this.</param>
    /// <param name="textParameter">The parameter that searches for a text, for the error message.</param>
    /// <exception cref="ArgumentException">
    /// The text is not a valid pattern, or matches everything; the alignment is not valid.
    /// </exception>
    public static BytePattern Parse(string text, int alignment = 1, string? textParameter = null)
    {
        List<byte> values = [], masks = [];
        foreach (string word in text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            string digits = word.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? word[2..]
                : word == "?" ? "??"
                : word;
            if (digits.Length == 0 || digits.Length % 2 != 0
                || !digits.All(digit => digit == '?' || char.IsAsciiHexDigit(digit)))
            {
                throw new ArgumentException($"'{SafeText.Escape(text)}' is not a valid byte pattern. Write two hex digits "
                    + "for each byte, and ? for any digit: '48 8b ?? 05', 488b??05, '4? 8b'."
                    + (textParameter is null ? string.Empty : $" To search for a text, use {textParameter}."));
            }

            for (int index = 0; index < digits.Length; index += 2)
            {
                (int high, int highMask) = Digit(digits[index]);
                (int low, int lowMask) = Digit(digits[index + 1]);
                values.Add((byte)(high << 4 | low));
                masks.Add((byte)(highMask << 4 | lowMask));
            }
        }

        return Create([.. values], [.. masks], alignment, null);
    }

    /// <summary>Parses bytes in hex, or takes a text that cannot be bytes in hex as UTF-8: <c>hunter2</c>.</summary>
    /// <inheritdoc cref="Parse" path="/param"/>
    /// <inheritdoc cref="Parse" path="/exception"/>
    public static BytePattern ParseOrText(string text, int alignment = 1, string? textParameter = null) =>
        IsBytes(text) || string.IsNullOrWhiteSpace(text)
            ? Parse(text, alignment, textParameter)
            : Text(text, Encoding.UTF8, alignment: alignment);

    /// <summary>Whether a text consists of hex digits, <c>?</c>, blanks and <c>0x</c> alone, so that it is meant as bytes.</summary>
    public static bool IsBytes(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } words
        && Array.TrueForAll(words, word => (word.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? word[2..] : word)
            .All(digit => digit == '?' || char.IsAsciiHexDigit(digit)));

    /// <summary>Creates a pattern for text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="encoding">Its encoding in memory.</param>
    /// <param name="ignoreCase">Whether upper and lower case are the same.</param>
    /// <param name="alignment">Matches begin at multiples of this.</param>
    /// <exception cref="ArgumentException">
    /// The text is empty, cannot be encoded, or its case cannot be ignored; the alignment is not valid.
    /// </exception>
    public static BytePattern Text(string text, Encoding encoding, bool ignoreCase = false, int alignment = 1)
    {
        byte[] bytes = Encode(text, encoding);
        byte[] masks = [.. Enumerable.Repeat((byte)0xff, bytes.Length)];
        if (ignoreCase)
        {
            int at = 0;
            foreach (Rune letter in text.EnumerateRunes())
            {
                byte[] lower = Encode(Rune.ToLowerInvariant(letter).ToString(), encoding);
                byte[] upper = Encode(Rune.ToUpperInvariant(letter).ToString(), encoding);
                IgnoreCase(letter, lower, upper, masks.AsSpan(at));
                at += lower.Length;
            }
        }

        return Create([.. bytes.Zip(masks, (value, mask) => (byte)(value & mask))], masks, alignment, encoding);
    }

    private static BytePattern Create(byte[] values, byte[] masks, int alignment, Encoding? encoding)
    {
        if (values.Length is 0 or > MaxPatternBytes)
        {
            throw new ArgumentException(
                $"A pattern of {values.Length} bytes cannot be searched for. Give 1 to {MaxPatternBytes} bytes.",
                nameof(values));
        }

        return masks.AsSpan().ContainsAnyExcept((byte)0)
            ? new BytePattern(values, masks, alignment, encoding)
            : throw new ArgumentException("The pattern matches everything. Give at least one digit.", nameof(masks));
    }

    private static (int Value, int Mask) Digit(char digit) =>
        digit == '?' ? (0, 0) : (Convert.ToInt32(digit.ToString(), 16), 0xf);

    private static byte[] Encode(string text, Encoding encoding)
    {
        byte[] bytes = encoding.GetBytes(text);
        return encoding.GetString(bytes) == text
            ? bytes
            : throw new ArgumentException($"'{SafeText.Escape(text)}' cannot be encoded as {encoding.WebName}.");
    }

    /// <summary>
    /// Ignores the one bit in which the cases of a letter differ. With more than one, other letters would match, too.
    /// </summary>
    private static void IgnoreCase(Rune letter, byte[] lower, byte[] upper, Span<byte> masks)
    {
        int differing = 0;
        for (int index = 0; index < lower.Length && lower.Length == upper.Length; index++)
        {
            byte bits = (byte)(lower[index] ^ upper[index]);
            differing += BitOperations.PopCount(bits);
            masks[index] = (byte)~bits;
        }

        if (differing > 1 || lower.Length != upper.Length)
        {
            throw new ArgumentException($"The case of '{SafeText.Escape(letter.ToString())}' cannot be ignored in this "
                + "encoding. Use a regular expression.");
        }
    }

    /// <summary>Returns how common a byte of the pattern is in memory, as a rule of thumb.</summary>
    private int ByteFrequency(int index) => _masks[index] switch
    {
        0 => 1000,
        0xff => _values[index] switch
        {
            0 => 250,
            0xff => 220,
            1 => 180,
            (byte)' ' or (byte)'e' or (byte)'t' or (byte)'a' => 140,
            >= (byte)'a' and <= (byte)'z' => 120,
            0x7f or 0x55 or 0x56 or 0x48 or 0x8b => 110,
            < 0x10 => 100,
            >= (byte)'0' and <= (byte)'Z' => 80,
            _ => 40,
        },
        byte mask => 300 + 8 * (8 - BitOperations.PopCount(mask)),
    };

    private uint AlignedStarts()
    {
        uint starts = 0;
        for (int start = 0; start < Step; start += Alignment)
        {
            starts |= 1u << start;
        }

        return starts;
    }

    private bool MatchesAt(ref byte start)
    {
        if (_isExact)
        {
            return MemoryMarshal.CreateReadOnlySpan(ref start, _values.Length).SequenceEqual(_values);
        }

        for (int index = 0; index < _values.Length; index++)
        {
            if ((Unsafe.Add(ref start, index) & _masks[index]) != _values[index])
            {
                return false;
            }
        }

        return true;
    }
}
